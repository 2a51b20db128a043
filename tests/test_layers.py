"""The shape of the house: the direction of imports, what plugins may import, the size of modules, and docstrings."""

import ast
import shutil
import subprocess
import sys

import pytest

from support import ROOT

PUBLIC = {"harness", "harness.nn", "harness.data", "harness.testing"}
"""What a plugin may import; see plugins/README.md."""
FOR_COMMANDS = PUBLIC | {"harness.pictures", "harness.cli.picture_command"}
"""What a plugin that adds commands may import, too."""
LINES = 350
"""The length of the longest module that is allowed."""
MODULES = sorted(path for folder in ("harness", "plugins") for path in (ROOT / folder).rglob("*.py"))

PLANTED = {
    "an import upwards": ("harness/storage/atomic.py", "from harness.cli import main", "Folders of the core"),
    "a folder that no layer names": ("harness/extra/__init__.py", "", "Folders of the core"),
    "an import of a plugin": ("harness/suite/build.py", "import harness_gans", "The core imports no plugin"),
    "a plugin's import of another": ("plugins/harness_vaes/vae.py", "import harness_gans.dcgan", "No plugin imports"),
    "a circle": ("harness/training/stacking.py", "import harness.training.engines.fleet", "No circles"),
}


@pytest.fixture
def checkout(tmp_path):
    """A copy of what imports are read from, in which a line can be planted."""
    for folder in ("harness", "plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(checkout):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    path = f"{checkout}:{checkout / 'plugins'}"
    return subprocess.run(command, cwd=checkout, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)


def test_imports_run_downwards_and_never_in_a_circle(checkout):
    assert lint(checkout).returncode == 0


@pytest.mark.parametrize("planted", PLANTED)
def test_an_import_in_a_wrong_direction_is_found(checkout, planted):
    file, line, contract = PLANTED[planted]
    (checkout / file).parent.mkdir(exist_ok=True)
    with (checkout / file).open("a") as source:
        source.write(f"\n{line}\n")
    found = lint(checkout)
    assert found.returncode == 1
    assert f"{contract}" in found.stdout[found.stdout.index("Broken contracts") :]


def imported(file):
    """Every module of the core that a file imports, however it says so."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "harness")
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "harness":
            yield node.module


@pytest.mark.parametrize("plugin", sorted(path.name for path in (ROOT / "plugins").glob("harness_*")))
def test_built_in_plugins_import_what_is_public_and_nothing_else(plugin):
    allowed = FOR_COMMANDS if plugin == "harness_dcgan_figures" else PUBLIC
    files = sorted((ROOT / "plugins" / plugin).rglob("*.py"))
    assert files
    reaching = {(str(file.relative_to(ROOT)), name) for file in files for name in imported(file)}
    assert not {(file, name) for file, name in reaching if name not in allowed}


def test_no_module_is_longer_than_350_lines():
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in MODULES}
    assert lines
    assert not {file: n for file, n in lines.items() if n > LINES}


def docstrings(file):
    """Every docstring of a module, by the name of what it documents."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, documented) and (text := ast.get_docstring(node)) is not None:
            yield getattr(node, "name", file.stem), text


def test_every_docstring_has_three_words_at_least():
    found = [(str(file.relative_to(ROOT)), name, text) for file in MODULES for name, text in docstrings(file)]
    assert found
    assert not [documented for documented in found if len(documented[2].split()) < 3]
