"""What the wheel holds, and that what is tested is what is installed."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import harness
from support import ROOT

PACKAGES = {
    "harness",
    "harness_checkpoint",
    "harness_datasets",
    "harness_dcgan_figures",
    "harness_gans",
    "harness_metrics",
    "harness_mlflow",
    "harness_trackio",
    "harness_optuna",
    "harness_selectors",
    "harness_tensorboard",
    "harness_vaes",
    "harness_wandb",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_installs_the_core_and_the_built_in_plugins_and_nothing_else(wheel):
    top_level = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top_level if not name.endswith(".dist-info")} == PACKAGES


def test_the_wheel_is_typed_and_has_the_command(wheel):
    names = set(wheel.namelist())
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    (entry_points,) = [name for name in names if name.endswith("entry_points.txt")]
    assert "harness = harness.cli:main" in wheel.read(entry_points).decode()


def test_the_wheel_holds_every_part_of_the_reports_page(wheel):
    from harness.report.page import SCRIPTS, STYLES

    parts = {"page.html", *(f"{name}.css" for name in STYLES), *(f"{name}.js" for name in SCRIPTS)}
    assert {f"harness/report/assets/{part}" for part in parts} <= set(wheel.namelist())
    assert parts == {path.name for path in (ROOT / "harness/report/assets").iterdir()}


TEXTS = [path for kind in ("*.md", "*.py", "*.toml", "*.template") for path in ROOT.rglob(kind)]


def test_nobody_is_told_to_install_from_an_index_what_is_on_none():
    ours = [path for path in TEXTS if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
    told = re.compile(r"pip install [^\n`]*" + "disentanglement-harness")
    assert len(ours) > 300
    assert [path for path in ours if told.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.skipif("HARNESS_TESTS_INSTALLED" not in os.environ, reason="only tox installs the wheel")
def test_the_installed_wheel_is_what_is_tested():
    assert "site-packages" in Path(harness.__file__).parts


def test_public_names_are_importable_and_declared_for_type_checkers():
    declared = (Path(harness.__file__)).read_text()
    for name in harness.__all__:
        assert getattr(harness, name)
        assert f"import {name} as {name}" in declared
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        harness.nonsense  # noqa: B018


def test_every_table_column_is_documented():
    from harness.results.schema import TABLES

    text = (ROOT / "results" / "README.md").read_text()
    for name, columns in TABLES.items():
        assert f"## {name}.parquet" in text or f"{name}.parquet`" in text
        for column in columns:
            assert f"| `{column.name}` | {column.type} | {column.meaning} |" in text, (name, column.name)
