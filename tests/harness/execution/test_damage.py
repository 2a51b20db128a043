"""Damaged files of a trial: found, said, set aside, and the trial done again from the last good state."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cli import cli
from harness.errors import DamagedFileError
from harness.execution.claims import claim_trials
from harness.execution.protocol import CompareJob, TrialJob
from harness.execution.worker.comparison import run_comparison
from harness.execution.worker.trials import run_trials
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome
from harness.results.status import StudyStatus
from harness.rng import Rng
from harness.storage.tensors import load_tensors, save_tensors
from harness.suite.suite import load_suite
from harness.training.events import Alert
from harness.training.trial_state import load_checkpoints, load_model, save_checkpoint
from support import TOY, StopAfter, bars_suite, move_to_another_device

SUITE = bars_suite(steps=40, selectors=["alike"])


@pytest.fixture
def job(suite_file, registry, tmp_path):
    suite = load_suite(suite_file(SUITE), registry)
    return TrialJob(suite.trials[:1], str(tmp_path / "out"), suite.metrics, 0, plugins=[str(TOY)])


def do(job, steps=10_000):
    """Do a job, or so many steps of it; returns the folder of its trial and what was warned of."""
    warnings = []
    run_trials(
        job, lambda _, event: warnings.append(event.text) if isinstance(event, Alert) else None, StopAfter(steps)
    )
    return ResultsFolder(job.folder).trial(job.trials[0].id), warnings


@pytest.fixture
def undisturbed(job, tmp_path):
    folder, _ = do(replace(job, folder=str(tmp_path / "undisturbed")))
    return folder


def damage(path, how, other):
    content = path.read_bytes()
    match how:
        case "truncated":
            path.write_bytes(content[:-7])
        case "a flipped bit":
            path.write_bytes(content[:-50] + bytes([content[-50] ^ 1]) + content[-49:])
        case "empty":
            path.write_bytes(b"")
        case "rubbish":
            path.write_bytes(b"<html>" * 30)
        case "another trial's":
            shutil.copy(other, path)


DAMAGES = ["truncated", "a flipped bit", "empty", "rubbish", "another trial's"]


def same_end(folder, undisturbed):
    """Whether a trial ended with the same model, scores and curves, bit for bit."""
    result, expected = folder.result, undisturbed.result
    assert result.outcome is Outcome.FINISHED
    assert [score.score for score in result.scores] == [score.score for score in expected.scores]
    tensors, others = (load_tensors(each.model)[0] for each in (folder, undisturbed))
    assert all(tensors[name].equal(other) for name, other in others.items())
    curves, expected = (pd.read_parquet(each.history) for each in (folder, undisturbed))
    timing = ["seconds", "images_per_second"]
    pd.testing.assert_frame_equal(curves.drop(columns=timing), expected.drop(columns=timing))
    return True


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_of_tensors_is_not_loaded(how, tmp_path):
    trial, other = (ResultsFolder(tmp_path).trial(name) for name in ("a" * 12, "b" * 12))
    rest, device = {"threads": 1, "seconds": 1.0, "fleet": {}}, torch.device("cpu")
    for folder in (trial, other):
        for step in (10, 20):
            state = {"a": torch.arange(60) * step, "generator/draws": Rng(0).state}
            save_checkpoint(folder, state, {"step": step, **rest})
        save_tensors(folder.model, {"a": torch.arange(60)}, {"trial": folder.path.name})
    damage(trial.checkpoint, how, other.checkpoint)
    damage(trial.model, how, other.model)
    content = trial.checkpoint.read_bytes()
    warnings = []
    (checkpoint,) = load_checkpoints(trial, device, warnings.append)
    assert checkpoint.step == 10
    assert checkpoint.state()["a"].equal(torch.arange(60) * 10)
    assert len(warnings) == 1
    assert str(trial.checkpoint) in warnings[0]
    assert (trial.path / "checkpoint.safetensors.damaged").read_bytes() == content
    with pytest.raises(DamagedFileError, match=r"model\.safetensors"):
        load_model(trial)


def test_after_a_damaged_checkpoint_the_one_before_continues_the_training(job, undisturbed):
    do(job, steps=10)
    folder, _ = do(job, steps=10)
    assert load_tensors(folder.checkpoint)[1]["step"] == 20
    assert load_tensors(folder.previous_checkpoint)[1]["step"] == 10
    damage(folder.checkpoint, "a flipped bit", None)
    folder, warnings = do(job)
    assert len(warnings) == 1
    assert not folder.previous_checkpoint.exists()
    assert same_end(folder, undisturbed)


def test_if_both_checkpoints_are_damaged_the_training_begins_anew(job, undisturbed):
    do(job, steps=10)
    folder, _ = do(job, steps=10)
    for file in (folder.checkpoint, folder.previous_checkpoint):
        damage(file, "truncated", None)
    folder, warnings = do(job)
    assert len(warnings) == 2
    assert {file.name for file in folder.path.glob("*.damaged")} == {
        "checkpoint.safetensors.damaged",
        "previous.safetensors.damaged",
    }
    assert same_end(folder, undisturbed)


def test_after_checkpoints_of_another_kind_of_device_the_training_begins_anew(job, undisturbed):
    folder, _ = do(job, steps=10)
    move_to_another_device(folder.checkpoint)
    folder, warnings = do(job)
    assert warnings == [f"{folder.checkpoint}: passed over, it was trained on another kind of device than this cpu"]
    assert same_end(folder, undisturbed)


def test_a_kill_between_two_checkpoints_leaves_the_one_before(job, undisturbed):
    folder, _ = do(job, steps=10)
    folder.checkpoint.rename(folder.previous_checkpoint)
    folder, warnings = do(job)
    assert not warnings
    assert same_end(folder, undisturbed)


def test_a_damaged_history_costs_its_rows_and_no_training(job, undisturbed):
    folder, _ = do(job, steps=25)
    damage(folder.history, "truncated", None)
    folder, warnings = do(job)
    assert len(warnings) == 1
    assert "the curves begin at step 25" in warnings[0]
    assert (folder.path / "history.parquet.damaged").exists()
    assert pd.read_parquet(folder.history)["step"].tolist() == list(range(26, 41))
    assert [score.score for score in folder.result.scores] == [s.score for s in undisturbed.result.scores]


def test_a_damaged_model_is_trained_and_scored_again(job, undisturbed):
    folder, _ = do(job)
    damage(folder.model, "truncated", None)
    folder, warnings = do(job)
    assert len(warnings) == 1
    assert str(folder.model) in warnings[0]
    assert {file.name for file in folder.path.glob("*.damaged")} == {
        "model.safetensors.damaged",
        "result.json.damaged",
    }
    assert same_end(folder, undisturbed)


def test_models_are_compared_only_when_all_are_whole(job, suite_file, registry):
    suite = load_suite(suite_file(SUITE), registry)
    folders = [do(replace(job, trials=[trial]))[0] for trial in suite.trials]
    damage(folders[1].model, "rubbish", None)
    told = []
    run_comparison(CompareJob(suite.trials, job.folder, suite.selectors, 0, plugins=[str(TOY)]), told.append)
    (alert,) = told
    assert isinstance(alert, Alert)
    assert str(folders[1].model) in alert.text
    assert not list(Path(job.folder).glob("comparisons/*"))
    assert [trial.seed for trial in StudyStatus.read(suite, ResultsFolder(job.folder)).pending] == [1]


def test_a_damaged_result_is_set_aside_by_whoever_holds_the_trial(job, caplog):
    folder, _ = do(job)
    damage(folder.result_file, "truncated", None)
    assert folder.result is None
    assert folder.result_file.exists(), "whoever only reads changes nothing"
    with claim_trials(job, pytest.fail) as claim:
        assert claim.job.trials == list(job.trials)
    assert not folder.result_file.exists()
    assert (folder.path / "result.json.damaged").exists()
    lines = caplog.messages
    assert len(lines) == 2
    assert all(str(folder.result_file) in line for line in lines)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_checkpoint_is_found(tmp_path, place, bit):
    path = tmp_path / "c.safetensors"
    save_tensors(path, {"a": torch.arange(64.0), "b": torch.zeros(3, dtype=torch.int64)}, {"step": 3})
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"c\.safetensors"):
        load_tensors(path)


@pytest.mark.slow
def test_whatever_of_a_study_is_damaged_is_done_again_and_nothing_else(suite_file, tmp_path, results):
    path = suite_file(SUITE)

    def run():
        return CliRunner().invoke(cli, ["run", str(path), "--plugin", str(TOY), "--output", str(tmp_path / "out")])

    first = run()
    assert first.exit_code == 0, first.output
    folder = ResultsFolder(tmp_path / "out")
    one, two = (folder.trial(trial.id) for trial in folder.suite.trials)
    before = results(folder.path)
    (comparison,) = (folder.path / "comparisons").glob("*.json")
    compared = json.loads(comparison.read_text())["comparisons"]
    damage(one.result_file, "a flipped bit", None)
    damage(two.model, "truncated", None)
    damage(comparison, "truncated", None)
    damage(folder.table("leaderboard"), "a flipped bit", None)

    read = CliRunner().invoke(cli, ["leaderboard", str(folder.path)])
    assert read.exit_code == 0
    assert str(one.result_file) in read.stderr
    assert one.result_file.exists(), "whoever only reads changes nothing"

    second = run()
    assert second.exit_code == 0, second.output
    lines = second.stderr.splitlines()
    for file in (one.result_file, two.model, comparison):
        assert any(str(file) in line for line in lines), lines
        assert file.with_name(f"{file.name}.damaged").exists()
    assert "Traceback" not in second.output
    after = results(folder.path)
    assert {title: [s.score for s in result["scores"]] for title, result in after.items()} == {
        title: [s.score for s in result["scores"]] for title, result in before.items()
    }
    assert json.loads(comparison.read_text())["comparisons"] == compared
    # The model of the first trial is as it was: only its result was made anew.
    assert after["linear 0"]["seconds"] == before["linear 0"]["seconds"]
    assert pd.read_parquet(folder.table("leaderboard"))["n"].tolist() == [2]
