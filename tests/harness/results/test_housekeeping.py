"""A results folder looked after: what it holds, what is pruned and what is never, and labels renamed."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from harness import UserError
from harness.cli.commands.results import command
from harness.results.housekeeping import prune, relabel, sizes_by_kind, stored_trials
from harness.results.result import Outcome
from harness.results.status import StudyStatus
from harness.storage.leases import lease
from harness.summary.leaderboard import leaderboard, score_table


@pytest.fixture
def folder(synthetic):
    """Of six trials: one failed with its checkpoint left, one unfinished, one of another suite; and no trials."""
    made = synthetic(3, models=("linear",))
    suite = made.suite
    failed, unfinished = (made.trial(trial.id) for trial in suite.trials[:2])
    failed.write_result(replace(failed.result, outcome=Outcome.FAILED, scores=()))
    failed.checkpoint.write_bytes(bytes(1000))
    unfinished.result_file.unlink()
    unfinished.previous_checkpoint.write_bytes(bytes(2000))
    made.write_suite(replace(suite, trials=(*suite.trials[:2], *suite.trials[3:])))
    (made.path / "trials/notes").mkdir()
    (made.path / "trials/0123456789ab").mkdir()
    (made.path / "trials/0123456789ab/model.safetensors").write_bytes(bytes(3000))
    (made.trial(suite.trials[5].id).path / "result.json.damaged").write_bytes(bytes(400))
    return made


def states(folder):
    return {trial.folder.path.name: trial.state for trial in stored_trials(folder)}


def test_every_trial_is_listed_with_its_state_and_size(folder):
    found = stored_trials(folder)
    assert [trial.state for trial in found if trial.own] == ["failed", "unfinished", *["finished"] * 3]
    assert {trial.folder.path.name: trial.own for trial in found if trial.state == "no trial"} == {
        "notes": False,
        "0123456789ab": False,
    }
    for trial in found:
        assert trial.size == sum(file.stat().st_size for file in trial.folder.path.rglob("*"))


def test_sizes_add_up_to_all_that_is_there(folder):
    kinds = sizes_by_kind(folder)
    assert kinds["checkpoints"] == (2, 3000)
    assert kinds["models"] == (1, 3000)
    assert kinds["damaged or half-written"] == (1, 400)
    files = [file for file in folder.path.rglob("*") if file.is_file()]
    assert sum(count for count, _ in kinds.values()) == len(files)
    assert sum(total for _, total in kinds.values()) == sum(file.stat().st_size for file in files)


@pytest.mark.parametrize(
    ("waste", "gone"),
    [
        (["failed"], ["failed"]),
        (["unfinished"], ["unfinished"]),
        (["others"], ["finished"]),
        (["orphans"], ["no trial"]),
        (["failed", "unfinished", "others", "orphans"], ["failed", "unfinished", "finished", "no trial"]),
        (["checkpoints"], []),
    ],
)
def test_what_is_asked_for_is_removed_and_nothing_else(folder, waste, gone):
    before = states(folder)
    expected = {path for path in folder.path.rglob("*") if path.is_file()}
    told = list(prune(folder, waste, dry_run=True))
    assert {path for path in folder.path.rglob("*") if path.is_file()} == expected, "a dry run changes nothing"
    assert [(thing.path, thing.size) for thing in prune(folder, waste)] == [(thing.path, thing.size) for thing in told]
    after = states(folder)
    assert sorted(before[name] for name in before.keys() - after.keys()) == sorted(gone)
    assert after.items() <= before.items()
    left = {path for path in folder.path.rglob("*") if path.is_file() and path.name != "lease"}
    assert expected - left == {
        path for path in expected for thing in told if thing.path in (path, *path.parents)
    }  # fmt: skip
    assert "notes" in after


def test_checkpoints_of_unfinished_trials_and_finished_trials_stay(folder):
    (thing,) = prune(folder, ["checkpoints"])
    assert thing.reason == "the trial has ended"
    assert list(folder.path.rglob("previous.safetensors"))


def test_what_a_run_works_on_stays(folder):
    unfinished = next(trial for trial in stored_trials(folder) if trial.state == "unfinished")
    with lease(unfinished.folder.lease, lambda: None):
        (thing,) = prune(folder, ["unfinished"])
    assert "process" in thing.kept
    assert unfinished.folder.previous_checkpoint.exists()


def test_what_a_run_has_ended_since_it_was_looked_at_stays(folder):
    failed, unfinished, finished = folder.suite.trials[:3]
    removal = prune(folder, ["failed", "unfinished"])
    assert next(removal).path == folder.trial(failed.id).path
    folder.trial(unfinished.id).write_result(replace(folder.trial(finished.id).result, trial=unfinished.id))
    assert list(removal) == []
    assert states(folder)[unfinished.id] == "finished"


def test_a_label_is_renamed_and_every_trial_stays_what_it_is(synthetic):
    folder = synthetic(2, models=("linear", "other"))
    before = folder.suite
    assert relabel(folder, "linear", "plain") == 2
    assert [trial.id for trial in folder.suite.trials] == [trial.id for trial in before.trials]
    assert [trial.label for trial in folder.suite.trials] == ["plain", "plain", "other", "other"]
    board = leaderboard(score_table(StudyStatus.read(folder.suite, folder)), folder.suite)
    assert set(board["model"]) == {"plain", "other"}
    assert '"label": "plain"' in folder.trial(before.trials[0].id).trial_file.read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("liner", "x", "there is no label 'liner'; did you mean 'linear'"),
        ("linear", "other", "the label 'other' is taken; choose another"),
        ("linear", " ", "the label ' ' is empty; choose another"),
    ],
)
def test_a_label_that_cannot_be_is_refused(synthetic, old, new, message):
    with pytest.raises(UserError, match=message):
        relabel(synthetic(2), old, new)


def test_the_commands_print_it(folder):
    def harness_results(*arguments):
        done = CliRunner().invoke(command, [*arguments], standalone_mode=False, env={"COLUMNS": "200"})
        if done.exception:
            raise done.exception
        return done.output

    path = str(folder.path)
    assert "unfinished" in harness_results("list", path)
    assert harness_results("list", path).count("another suite") == 1
    assert "models" in harness_results("size", path)
    with pytest.raises(
        UserError, match="say what to remove: --failed, --unfinished, --others, --orphans, --checkpoints"
    ):
        harness_results("prune", path)
    assert "(1.0 kB): the trial has ended\n1.0 kB would be freed" in harness_results(
        "prune", path, "--checkpoints", "--dry-run"
    )
    assert "1.0 kB freed" in harness_results("prune", path, "--checkpoints")
    assert "trials are called 'plain' now; write label = \"plain\"" in harness_results(
        "relabel", path, "linear", "plain"
    )
    with pytest.raises(UserError, match="not a results folder"):
        harness_results("size", str(folder.path / "trials"))
