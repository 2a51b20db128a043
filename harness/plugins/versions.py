"""Versions of plugins: of a distribution or, where its files may be edited, of their content."""

import hashlib
import importlib
import importlib.util
import json
from collections.abc import Sequence
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from pathlib import Path

from harness.errors import UserError
from harness.registry import DISTRIBUTION


def entry_point_version(point: EntryPoint) -> str:
    """The version of an entry point's distribution and, where it may be edited, of its files' content."""
    return _module_version(point.dist, point.module) if point.dist else "unknown"


def built_in_version(package: str) -> str:
    """The version of a built-in plugin: the harness's and, in a checkout that may be edited, of the package's files.

    Of its own files only, so that an edited GAN leaves VAEs as they are. The core's files are not part of it: what of
    them a trial was trained with is told by `code_commit` in its provenance.
    """
    try:
        return _module_version(distribution(DISTRIBUTION), package)
    except PackageNotFoundError:
        return f"uninstalled+{files_digest(_sources(package))}"


def _module_version(its: Distribution, module: str) -> str:
    """The version of a distribution and, unless it was installed whole, of the content of a module's files."""
    sources = _sources(module)
    edited = json.loads(its.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable", False)
    installed = Path(str(its.locate_file(module.partition(".")[0]))).resolve()
    whole = any(file.is_relative_to(installed) or file == installed.with_suffix(".py") for file in sources)
    if edited or not whole:
        return f"{its.version}+{files_digest(sources)}"
    return its.version


def _sources(module: str) -> list[Path]:
    """The Python files of a module or package that can be imported, in order."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    folders = spec.submodule_search_locations
    files = [file for folder in folders for file in Path(folder).rglob("*.py")] if folders else [Path(spec.origin)]
    return sorted(file.resolve() for file in files)


def files_digest(files: Sequence[Path]) -> str:
    """Files that are edited have no version; their content stands for one."""
    content = hashlib.sha256()
    for file in files:
        try:
            content.update(file.read_bytes())
        except OSError as error:
            raise UserError(f"{error.strerror or error}") from None
    return content.hexdigest()[:12]
