"""Before anything is trained it is told which metrics of a suite will have no score, and why."""

import sys

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result
from harness.scoring.applicability import inapplicable, never_scored
from harness.suite.suite import load_suite
from support import TOY

SUITE = """
seeds = 2
dataset = {name = "digits", image_size = 32}
training.steps = 3
evaluation.metrics = ["mig", "memorisation", "fid", "reconstruction-error"]
[[models]]
name = "vae"
[[models]]
name = "dcgan"
config.width = 0.05
"""
NO_FACTORS = "the dataset has no ground-truth factors"
NONE_HELD_OUT = "no images were held out; set training.held_out"


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    """Neither the package that computes published scores nor any weights are here."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)


def test_metrics_that_models_data_training_or_the_machine_lack_something_for_are_named(
    suite_file, registry, no_weights
):
    suite = load_suite(suite_file(SUITE), registry)
    found = inapplicable(suite, registry)
    assert found["mig"] == {NO_FACTORS: ["vae"], f"the model has no encoder; {NO_FACTORS}": ["dcgan"]}
    assert found["memorisation"] == {NONE_HELD_OUT: ["vae", "dcgan"]}
    ((reason, models),) = found["fid"].items()
    assert reason.startswith("torch-fidelity is not installed; pip install '.[fid]'")
    assert models == ["vae", "dcgan"]
    assert found["reconstruction-error"] == {"the model does not reconstruct": ["dcgan"]}
    assert [line.partition(" ")[0] for line in never_scored(suite, registry)] == ["mig", "memorisation", "fid"]
    applying = load_suite(suite_file(SUITE), registry, ["training.held_out=100", 'dataset.name="sprites"'])
    assert set(inapplicable(applying, registry)) == {"mig", "fid", "reconstruction-error"}
    assert inapplicable(applying, registry)["mig"] == {"the model has no encoder": ["dcgan"]}


def test_a_dry_run_tells_failed_trials_from_those_that_are_done(suite_file, registry, tmp_path, no_weights):
    path, folder = suite_file(SUITE), ResultsFolder(tmp_path / "out")
    suite = load_suite(path, registry, ['evaluation.metrics=["memorisation"]'])
    for trial, outcome in zip(suite.trials, [Outcome.FAILED, Outcome.DIVERGED], strict=False):
        folder.trial(trial.id).write_result(Result(trial.id, outcome, "on purpose"))

    def states(*options):
        arguments = ["run", str(path), "--plugin", str(TOY), "--output", str(folder.path), "--dry-run", *options]
        found = CliRunner().invoke(cli, [*arguments, "--set", 'evaluation.metrics=["memorisation"]'])
        assert found.exit_code == 0, found.output
        lines = found.stdout.splitlines()
        return [line.split("  ")[1] for line in lines[:4]], lines[-2:]

    assert states() == (
        ["failed", "failed", "to do", "to do"],
        ["4 trials, 2 to do, 2 failed (--retry-failed tries again)", f"no memorisation of vae, dcgan: {NONE_HELD_OUT}"],
    )
    assert states("--retry-failed")[0] == ["to do"] * 4
    assert states("--fresh")[0] == ["to do"] * 4
