"""Results folders merged: the union of their trials and scores, conflicts told, nothing lost by a kill."""

from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from harness import UserError
from harness.cli.commands.merge import command
from harness.results import merge as merging
from harness.results.folder import ResultsFolder
from harness.results.merge import merge
from harness.results.result import Outcome
from harness.results.status import StudyStatus
from harness.storage.leases import lease
from harness.storage.tensors import save_tensors
from harness.suite.trial import Choice

MIG, SAP = Choice("mig", {}, "1.0"), Choice("sap", {}, "1.0")


def by_number(metric, setting, seed):
    """A made-up score that is the same wherever it is made."""
    return (setting + 1) / (seed + 2) + len(metric)


@pytest.fixture
def folders(synthetic):
    """Two folders of models of one family: A has noises 0 and 0.1 by MIG, B has 0 to 0.2 by MIG and SAP."""
    one = synthetic(2, models=("linear",), name="a", metrics=(MIG,), score=by_number)
    two = synthetic(3, models=("linear",), name="b", metrics=(MIG, SAP), score=by_number)
    return one, two


@pytest.fixture
def output(tmp_path):
    return ResultsFolder(tmp_path / "c")


def scores(folder):
    """Each trial's scores by metric."""
    status = StudyStatus.read(folder.suite, folder)
    return {trial.id: {s.metric: s.score for s in status.results[trial.id].scores} for trial in folder.suite.trials}


def times(folder):
    """When each file was written, but for the leases, in which stands who held them last."""
    files = [file for file in folder.path.rglob("*") if file.is_file() and file.name != "lease"]
    return {file: file.stat().st_mtime_ns for file in files}


def change(folder, trial, **changes):
    own = folder.trial(trial.id)
    own.write_result(replace(own.result, **changes))


def test_the_union_of_trials_and_of_their_scores(folders, output):
    one, two = folders
    merged = merge(folders, output)
    assert merged.conflicts == []
    assert [trial.id for trial in output.suite.trials] == [trial.id for trial in two.suite.trials]
    assert [metric.name for metric in output.suite.metrics] == ["mig", "sap"]
    assert scores(output) == scores(two)
    assert len(scores(one)) == 4, "the sources stay as they were"
    for trial in two.suite.trials:
        assert (output.trial(trial.id).history).exists()


def test_merging_again_changes_nothing_and_into_a_folder_adds_to_it(folders, output):
    merge(folders[:1], output)
    merge(folders[1:], output)
    before = times(output)
    assert merge(folders, output).conflicts == []
    assert times(output) == before
    assert scores(output) == scores(folders[1])


def test_different_scores_of_one_trial_are_conflicts_and_the_first_folder_is_right(folders, output):
    one, two = folders
    trial = one.suite.trials[1]
    record = two.trial(trial.id).result.scores[0]
    change(two, trial, scores=(replace(record, score=0.25),))
    (conflict,) = merge(folders, output).conflicts
    assert (
        conflict
        == f"{trial.title} ({trial.id}): mig is {by_number('mig', 0, 1):.6g}, and 0.25 in {two.path}/trials/{trial.id}"
    )
    assert scores(output)[trial.id] == {"mig": by_number("mig", 0, 1)}


@pytest.mark.parametrize("equal", [True, False])
def test_scores_of_other_parameters_are_not_taken(folders, output, equal):
    one, two = folders
    trial = one.suite.trials[0]
    save_tensors(one.trial(trial.id).model, {"weight": torch.ones(3)}, {"seconds": 1})
    save_tensors(two.trial(trial.id).model, {"weight": torch.ones(3) + (0 if equal else 1e-7)}, {"seconds": 2})
    conflicts = merge(folders, output).conflicts
    assert ["sap" in scores(output)[trial.id], len(conflicts)] == [equal, 0 if equal else 1]
    assert equal or "has trained it to other parameters, whose scores are not taken" in conflicts[0]


def test_the_folder_in_which_a_trial_is_finished_is_preferred(folders, output):
    one, two = folders
    failed, unfinished = one.suite.trials[:2]
    change(one, failed, outcome=Outcome.FAILED, reason="by accident", scores=())
    one.trial(unfinished.id).result_file.unlink()
    assert merge(folders, output).conflicts == []
    assert scores(output) == scores(two)
    change(two, failed, outcome=Outcome.CRASHED, reason="too", scores=())
    again = ResultsFolder(output.path.with_name("again"))
    merge(folders, again)
    assert again.trial(failed.id).result.reason == "by accident"


def test_a_trial_that_nobody_has_finished_can_go_on(folders, output):
    one, _ = folders
    trial = one.suite.trials[0]
    one.trial(trial.id).result_file.unlink()
    one.trial(trial.id).checkpoint.write_bytes(b"half way")
    merge(folders[:1], output)
    assert output.trial(trial.id).checkpoint.read_bytes() == b"half way"
    assert output.trial(trial.id).result is None


def test_a_trial_on_which_a_run_works_is_left_to_that_run(folders, output):
    one, two = folders
    merge([one], output)
    trial = one.suite.trials[0]
    with lease(output.trial(trial.id).lease, lambda: None), pytest.raises(UserError, match=f"{trial.id}: .* works on"):
        merge([two], output)
    assert "sap" not in scores(output)[trial.id]
    merge([two], output)
    assert scores(output) == scores(two)


def test_settings_that_have_one_label_in_two_folders_are_told_apart(synthetic, output):
    bright = synthetic(1, models=("linear",), name="bright", metrics=(MIG,))
    dark = synthetic(1, models=("linear",), name="dark", metrics=(MIG,), dataset=Choice("bars", {"brightness": 0.5}))
    merge([bright, dark], output)
    assert len({trial.setting for trial in output.suite.trials}) == 2
    assert "dataset.brightness=0.5" in output.suite.trials[2].setting


def test_so_are_settings_of_which_one_restricts_what_is_trained_on(synthetic, output):
    plain = synthetic(1, models=("linear",), name="plain", metrics=(MIG,))
    table = {"forbidden": [{"row": 1}]}
    some = Choice("bars", {"brightness": 1.0, "training": table})
    restricted = synthetic(1, models=("linear",), name="restricted", metrics=(MIG,), dataset=some)
    merge([plain, restricted], output)
    first, _, second, _ = output.suite.trials
    assert (first.setting, second.setting) == (
        "linear noise=0.0",
        f"linear noise=0.0 dataset.training.forbidden={table['forbidden']}",
    )
    assert not merge([restricted, plain], ResultsFolder(output.path.with_name("again"))).conflicts


class Killed(BaseException):
    """What nothing catches, as nothing catches a SIGKILL."""


@pytest.fixture
def kill_merge(output, monkeypatch):
    """Merges folders and dies when it writes a file after so many."""

    def kill(folders, number):
        left, write = iter(range(number)), merging.write_whole

        def dying(path, content):
            if next(left, None) is None:
                raise Killed
            write(path, content)

        with monkeypatch.context() as patch:
            patch.setattr(merging, "write_whole", dying)
            with pytest.raises(Killed):
                merge(folders, output)

    return kill


@pytest.mark.parametrize("number", range(0, 18, 3))
def test_a_merge_that_was_killed_anywhere_is_completed_by_another(folders, output, kill_merge, number):
    kill_merge(folders, number)
    assert merge(folders, output).conflicts == []
    assert scores(output) == scores(folders[1])


@pytest.mark.parametrize("number", range(3))
def test_so_is_one_that_was_killed_at_a_trial_that_nobody_has_finished(folders, output, kill_merge, number):
    one, _ = folders
    trial = one.trial(one.suite.trials[0].id)
    trial.result_file.unlink()
    trial.checkpoint.write_bytes(b"half way")
    kill_merge([one], number)
    merge([one], output)
    copied = {file.name for file in output.trial(trial.path.name).path.iterdir()}
    assert copied == {"lease", "trial.json", "history.parquet", "checkpoint.safetensors"}


def test_other_draws_are_not_merged(folders, output):
    _, two = folders
    two.write_suite(replace(two.suite, evaluation_seed=1))
    with pytest.raises(UserError, match=r"evaluation\.seed is 0 in .*/a, 1 in .*/b; choose one"):
        merge(folders, output)
    with pytest.raises(UserError, match="not a results folder"):
        merge([ResultsFolder(output.path / "nowhere")], output)


def test_the_command_prints_one_leaderboard_and_ends_with_1_where_folders_disagree(folders, output):
    one, two = folders
    arguments = [str(one.path), str(two.path), "--output", str(output.path)]
    done = CliRunner().invoke(command, arguments, standalone_mode=False, catch_exceptions=False)
    assert done.return_value == 0
    assert "6 trials of 2 folders are in" in done.output
    assert output.table("leaderboard").exists()
    trial = one.suite.trials[0]
    change(two, trial, scores=(replace(two.trial(trial.id).result.scores[0], score=0.5),))
    done = CliRunner().invoke(command, arguments, standalone_mode=False, catch_exceptions=False)
    assert done.return_value == 1
    assert f"conflict: {trial.title} ({trial.id}): mig is" in done.output
