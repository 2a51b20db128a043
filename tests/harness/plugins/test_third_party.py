"""A plugin in a distribution of its own adds a model without a change to the core."""

import json
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
def site(tmp_path_factory):
    """The plugin, installed by pip into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", folder, PACKAGE], check=True, capture_output=True
    )
    return {"PYTHONPATH": str(folder)}


def test_the_model_is_listed_with_its_distribution(run_process, site):
    run = run_process("list", "models", env=site)
    assert "linear-autoencoder" in run.stdout
    assert "harness-linear-autoencoder 2.3" in run.stdout


def test_the_model_runs_in_a_suite(run_process, site, suite_file, tmp_path, results):
    run = run_process("run", suite_file(SUITE), "--output", tmp_path / "out", env=site)
    assert run.returncode == 0, run.stderr
    result = results(tmp_path / "out")["linear-autoencoder 0"]
    assert result["scores"][0]["status"] == "ok"
    trial = json.loads(next((tmp_path / "out").glob("trials/*/trial.json")).read_text())
    assert trial["model"]["version"] == "2.3"
