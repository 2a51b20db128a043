"""New plugin packages: complete, installable and working, for their authors to change.

The files under `templates` become the package: those in `package` for every kind, those in `model`,
`dataset`, `metric`, `selector` or `sampler` for that kind. `$name`, `$module`, `$title` and `$kind` are filled in.
"""

import keyword
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from string import Template

from harness.errors import UserError
from harness.plugins.manager import PluginManager
from harness.registry import KINDS

KIND_NAMES = tuple(kind.removesuffix("s") for kind in KINDS)


def create(kind: str, name: str, parent: Path) -> Path:
    """Write a plugin package and return its folder, `parent / name`.

    Args:
        kind: "model", "dataset", "metric", "selector" or "sampler".
        name: what it is registered as, such as "my-model"; the module is then `my_model`, the class MyModel.
        parent: where the folder is made.

    Raises:
        UserError: the name is not usable or taken, or the folder exists or cannot be written.
    """
    _check_name(kind, name)
    words = {
        "name": name,
        "kind": kind,
        "module": name.replace("-", "_"),
        "title": "".join(word.capitalize() for word in name.split("-")),
    }
    folder = parent / name
    try:
        folder.mkdir(parents=True)
        templates = files("harness.plugins.scaffold") / "templates"
        for part in ("package", kind):
            _copy(templates / part, folder, words)
    except FileExistsError:
        raise UserError(f"{folder}: it exists already; choose another name, or another place with --into") from None
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror or error}") from None
    return folder


def _check_name(kind: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UserError(f"the name '{name}': expected small letters and digits with single hyphens, such as my-{kind}")
    if name in PluginManager().registry.entries[f"{kind}s"]:
        raise UserError(f"the name '{name}': a {kind} is called that already; `harness show {name}` describes it")
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or find_spec(module):
        raise UserError(f"the name '{name}': Python has a module or a word '{module}' already; choose another")


def _copy(source: Traversable, target: Path, words: dict[str, str]) -> None:
    """Copy a folder of templates, filling in the words in names and contents."""
    for item in source.iterdir():
        path = target / Template(item.name.removesuffix(".template")).substitute(words)
        if item.is_dir():
            path.mkdir(exist_ok=True)
            _copy(item, path, words)
        else:
            path.write_text(Template(item.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
