"""A plugin in a distribution of its own adds a model without a change to the core."""

import json
import os
import subprocess
import sys

import pytest

from support import TESTS

PACKAGE = TESTS / "third_party" / "harness-linear-autoencoder"

SUITE = """
[dataset]
name = "sprites"
image_size = 32
scales = 2
orientations = 5
positions_x = 3
positions_y = 3
[training]
steps = 20
batch_size = 16
[[models]]
name = "linear-autoencoder"
[evaluation]
metrics = ["mig"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder into which pip has installed the plugin."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", folder, PACKAGE], check=True, capture_output=True
    )
    return folder


@pytest.fixture(autouse=True)
def installed(folder, monkeypatch):
    """This process and those it starts find it."""
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


def test_the_model_is_listed_with_its_distribution(command):
    run = command("list", "models")
    assert "linear-autoencoder" in run.stdout
    assert "harness-linear-autoencoder 2.3" in run.stdout


def test_the_model_runs_in_a_suite(command, suite_file, tmp_path, results):
    run = command("run", suite_file(SUITE), "--output", "out")
    assert run.returncode == 0, run.stderr
    result = results(tmp_path / "out")["linear-autoencoder 0"]
    assert result["scores"][0]["status"] == "ok"
    trial = json.loads(next((tmp_path / "out").glob("trials/*/trial.json")).read_text())
    assert trial["model"]["version"] == "2.3"
