"""Tables are derived: read while they are current, made anew when they are not, rebuilt when asked."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table, write_table
from harness.results.result import Outcome, Result
from harness.results.status import StudyStatus
from harness.suite.suite import load_suite
from harness.suite.trial import score_key
from harness.summary.tables import Tables, read_tables, write_tables
from support import TOY

SUITE = """
title = "Bars"
seeds = 3
[dataset]
name = "bars"
[[models]]
name = "linear"
[evaluation]
metrics = ["spread"]
"""


@pytest.fixture
def study(suite_file, registry, tmp_path):
    """A suite, its results folder, and what records a score of a trial."""
    suite = load_suite(suite_file(SUITE), registry)
    folder = ResultsFolder(tmp_path / "out")
    folder.write_suite(suite)

    def record(seed, score):
        (metric,) = suite.metrics
        found = {"key": score_key(metric, 0), "metric": metric.name, "settings": {}, "version": "1"}
        found |= {"higher_is_better": True, "status": "ok", "score": score, "reason": "", "details": {}}
        trial = suite.trials[seed]
        scores = ({**found, "seconds": 0.5, "traceback": "", "evaluation_seed": 0},)
        folder.trial(trial.id).write_result(Result(trial.id, Outcome.FINISHED, scores=scores))

    return suite, folder, record


def printed(folder, *arguments):
    found = CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--format", "json", *arguments])
    assert found.exit_code == 0, found.output
    (row,) = json.loads(found.stdout)
    return row


def test_a_table_is_read_while_it_is_current_and_made_anew_when_a_trial_has_ended(study, manager):
    suite, folder, record = study
    record(0, 0.25)
    record(1, 0.5)
    assert printed(folder)["mean"] == 0.375
    write_tables(folder, StudyStatus.read(suite, folder), manager)
    facts = read_table(folder.table("leaderboard")).attrs
    marked = read_table(folder.table("leaderboard")).assign(mean=0.125)
    write_table(folder.table("leaderboard"), "leaderboard", marked, facts)
    assert printed(folder)["mean"] == 0.125, "nothing has changed, so that the table is what is read"
    record(2, 0.75)
    assert (printed(folder)["mean"], printed(folder)["n"]) == (0.5, 3)


def test_it_is_the_same_table_read_or_made_anew(study, manager):
    suite, folder, record = study
    record(0, 0.1)
    record(1, 0.3)
    new = [CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--format", form]).output for form in FORMATS]
    write_tables(folder, StudyStatus.read(suite, folder), manager)
    assert read_tables(folder, StudyStatus.read(suite, folder)) is not None
    read = [CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--format", form]).output for form in FORMATS]
    assert read == new


def test_a_single_seed_marks_nothing_as_the_best_and_the_caption_says_why(study):
    _, folder, record = study
    record(0, 0.25)
    shown = CliRunner().invoke(cli, ["leaderboard", str(folder.path)]).output
    assert "scores of one seed, which does not tell which is the best: nothing is marked" in " ".join(shown.split())
    record(1, 0.5)
    assert "nothing is marked" not in " ".join(
        CliRunner().invoke(cli, ["leaderboard", str(folder.path)]).output.split()
    )


def test_a_trained_model_that_a_metric_has_yet_to_score_is_to_do_and_has_not_failed(study, suite_file, registry):
    _, folder, record = study
    record(0, 0.25)
    folder.write_suite(load_suite(suite_file(SUITE.replace('["spread"]', '["spread", "error"]')), registry))
    found = CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--format", "json"])
    spread, error = json.loads(found.stdout)
    assert (spread["n"], spread["failed"], spread["pending"]) == (1, 0, 2)
    assert (error["status"], error["n"], error["failed"], error["pending"]) == ("missing", 0, 0, 3)
    shown = CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--format", "markdown"]).output
    assert "| linear | 1 | 0.250 (2 to do) | to do |" in shown


FORMATS = ("table", "csv", "markdown", "json")


def test_rebuilding_makes_every_table_from_the_trials_alone(study, manager):
    suite, folder, record = study
    record(0, 0.1)
    record(1, 0.3)
    tables = write_tables(folder, StudyStatus.read(suite, folder), manager)
    folder.table("scores").unlink()
    folder.table("leaderboard").write_bytes(b"PAR1 and not much more")
    folder.table("selections").write_bytes(folder.table("selections").read_bytes()[:-5])
    assert read_tables(folder, StudyStatus.read(suite, folder)) is None
    board = printed(folder, "--rebuild", "--plugin", str(TOY))
    assert board["n"] == 2
    rebuilt = read_tables(folder, StudyStatus.read(suite, folder))
    for name in Tables.__dataclass_fields__:
        expected = getattr(tables, name)
        pd.testing.assert_frame_equal(getattr(rebuilt, name), expected, check_dtype=False, check_like=True)


def test_a_damaged_table_is_said_and_costs_nothing(study, manager):
    suite, folder, record = study
    record(0, 0.25)
    write_tables(folder, StudyStatus.read(suite, folder), manager)
    folder.table("leaderboard").write_bytes(b"")
    found = CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--format", "json"])
    assert json.loads(found.stdout)[0]["mean"] == 0.25
    assert "leaderboard.parquet: damaged" in found.stderr
    assert "--rebuild" in found.stderr


def test_what_was_run_before_with_other_settings_is_told_and_shown_on_demand(study, suite_file, registry):
    suite, folder, record = study
    record(0, 0.25)
    again = load_suite(suite_file(SUITE), registry, ["training.steps=7", "seeds=1"])
    folder.write_suite(again)
    (trial,) = again.trials
    record(1, 0.75)
    for earlier in suite.trials[:2]:
        folder.trial(earlier.id).write_trial(earlier)
    found = folder.trial(suite.trials[1].id).result
    folder.trial(trial.id).write_result(replace(found, trial=trial.id))
    (folder.path / "trials" / ".DS_Store").touch()
    (folder.path / "trials" / suite.trials[0].id / "lease").touch()
    alone = CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--format", "json"])
    assert [(row["n"], row["mean"]) for row in json.loads(alone.stdout)] == [(1, 0.75)]
    assert f"holds 2 more trials of other settings or another suite; `harness leaderboard {folder.path}" in alone.stderr
    together = CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--all", "--format", "json"])
    rows = [(json.loads(row["swept"]), row["n"], row["mean"], row["rank"]) for row in json.loads(together.stdout)]
    assert rows == [({"training.steps": 7}, 1, 0.75, 1), ({"training.steps": 10000}, 2, 0.5, 2)]
    assert together.stderr == ""
    table = CliRunner().invoke(cli, ["leaderboard", str(folder.path), "--all"]).stdout
    assert "linear training.steps=7 " in table
    assert "linear training.steps=10000 " in table
