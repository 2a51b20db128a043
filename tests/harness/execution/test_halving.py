"""Successive halving: settings that do badly are trained no further, and nothing is done twice."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from click.testing import CliRunner

import harness
from harness import UserError
from harness.cli import cli
from harness.execution.plan import plan_run
from harness.execution.protocol import StopRequest, TrialJob
from harness.execution.search import search_state
from harness.execution.study import run
from harness.execution.worker.trials import run_trials
from harness.results.folder import ResultsFolder
from harness.results.merge import merge
from harness.results.result import Outcome, Result, ScoreRecord
from harness.results.status import StudyStatus
from harness.selection.record import ComparisonRecord, write_comparison
from harness.suite.suite import load_suite
from harness.suite.trial import score_key
from harness.summary.leaderboard import leaderboard, score_table
from support import TOY, bars_suite

SWEEP = """
sweep.noise = [0.1, 0.2, 0.3, 0.4]
halving = { at = [3, 6], keep = 0.5, aim = "error" }
"""
SUITE = bars_suite(steps=9, seeds=2, model=SWEEP)
FEW = SUITE.replace("seeds = 2", "seeds = 1").replace(", 0.4]", "]")
OPTIONS = harness.RunOptions(device="cpu", jobs=1, threads=1)


class Watching:
    """Hears which trials end, which are chosen, and what is said of them."""

    def __init__(self):
        self.ended, self.chosen, self.notes = [], [], []

    @harness.hookimpl
    def harness_trial_note(self, trial, text):
        self.notes.append((trial.training.steps, text.rpartition(" of trial")[0]))

    @harness.hookimpl
    def harness_trials_chosen(self, trials):
        self.chosen.append([trial.title for trial in trials])

    @harness.hookimpl
    def harness_trial_finished(self, trial, result):
        self.ended.append(trial.id)


@pytest.fixture
def watched(manager):
    observer = Watching()
    manager.pluggy.register(observer)
    yield observer
    manager.pluggy.unregister(observer)


def record(suite, folder, trials, score, outcome=Outcome.FINISHED):
    """Write the results that trials would have left, with a score by the suite's last metric."""
    metric = suite.metrics[-1]
    for trial in trials:
        own = folder.trial(trial.id)
        own.write_trial(trial)
        scores = [
            ScoreRecord(score_key(each, 0), each.name, dict(each.config), "1", each is not metric, "ok", score(trial))
            for each in suite.metrics
        ]
        losses = {"step": [1], "seconds": [0.1], "images_per_second": [1.0], "autoencoder/error": [score(trial)]}
        pd.DataFrame(losses).to_parquet(own.history)
        own.write_result(Result(trial.id, outcome, scores=tuple(scores) if outcome is Outcome.FINISHED else ()))


def settings(suite, steps):
    return [trial.swept["noise"] for trial in suite.trials if trial.training.steps == steps and trial.seed == 0]


def test_the_better_half_goes_on_by_the_mean_over_seeds(suite_file, registry, tmp_path):
    suite, folder = load_suite(suite_file(SUITE), registry), ResultsFolder(tmp_path / "out")
    assert [metric.name for metric in suite.metrics] == ["spread", "error"]
    assert len(suite.trials) == 8
    assert search_state(suite, folder, registry).suite.trials == suite.trials

    def error(trial):  # By the first seed alone 0.1 would be the best.
        return {0.1: (0.0, 9.0), 0.2: (2.0, 2.0), 0.3: (3.0, 3.0), 0.4: (1.0, 1.0)}[trial.swept["noise"]][trial.seed]

    record(suite, folder, suite.trials, error)
    second = search_state(suite, folder, registry).suite
    assert settings(second, 6) == [0.2, 0.4]
    assert settings(second, 9) == []
    record(suite, folder, second.trials, error)
    third = search_state(suite, folder, registry).suite
    assert settings(third, 9) == [0.4]
    assert {(trial.chosen_by, trial.labels_seen) for trial in third.trials[8:]} == {("error", "none")}
    record(suite, folder, third.trials, error)
    assert search_state(suite, folder, registry).suite == third


def test_a_setting_that_fails_on_a_seed_is_behind_those_that_do_not(suite_file, registry, tmp_path):
    suite, folder = load_suite(suite_file(SUITE), registry), ResultsFolder(tmp_path / "out")
    record(suite, folder, suite.trials, lambda trial: trial.swept["noise"])
    broken = [trial for trial in suite.trials if trial.swept["noise"] == 0.1 and trial.seed == 1]
    record(suite, folder, broken, lambda trial: math.nan, Outcome.DIVERGED)
    assert settings(search_state(suite, folder, registry).suite, 6) == [0.2, 0.3]
    record(suite, folder, suite.trials, lambda trial: math.nan, Outcome.DIVERGED)
    assert search_state(suite, folder, registry).suite.trials == suite.trials


def test_rungs_continue_trainings_bit_for_bit_and_a_run_that_was_killed_goes_on(
    suite_file, manager, watched, tmp_path, monkeypatch
):
    path, out = suite_file(FEW), tmp_path / "out"
    real = ResultsFolder.write_suite
    with monkeypatch.context() as patch:  # Killed when the first rung is done and the second one is to begin.

        def killed(folder, suite):
            if len(suite.trials) > 3:
                raise KeyboardInterrupt
            real(folder, suite)

        patch.setattr(ResultsFolder, "write_suite", killed)
        with pytest.raises(KeyboardInterrupt):
            run(path, out, options=OPTIONS, plugins=manager)
    assert len(watched.ended) == 3
    summary = run(path, out, options=OPTIONS, plugins=manager)
    assert not summary.unfinished
    assert len(watched.ended) == len(set(watched.ended)) == len(summary.status.suite.trials) == 3 + 1 + 1
    assert [len(titles) for titles in watched.chosen] == [1], "the second rung was chosen when the run began again"
    assert watched.notes == [(6, "goes on from step 3"), (9, "goes on from step 6")]
    assert len(run(path, out, options=OPTIONS, plugins=manager).status.suite.trials) == len(watched.ended) == 5

    scores = pd.read_parquet(out / "scores.parquet")
    assert scores.groupby("steps")["chosen_by"].unique().map(list).to_dict() == {3: [""], 6: ["error"], 9: ["error"]}
    last = [trial for trial in summary.status.suite.trials if trial.training.steps == 9]
    job = TrialJob(last[:1], str(tmp_path / "alone"), summary.status.suite.metrics, 0, plugins=[str(TOY)])
    run_trials(job, lambda *_: None, StopRequest())
    alone = ResultsFolder(tmp_path / "alone").trial(last[0].id).result
    ours = ResultsFolder(out).trial(last[0].id).result
    assert [score.score for score in ours.scores] == [score.score for score in alone.scores]


def test_shards_divide_the_first_rung_and_share_what_is_chosen_and_a_moved_folder_is_the_same(
    suite_file, manager, tmp_path
):
    registry = manager.registry
    suite, folder = load_suite(suite_file(SUITE), registry), ResultsFolder(tmp_path / "out")

    def shards(suite):
        options = [harness.RunOptions(device="cpu", jobs=1, shard=(number, 2)) for number in (1, 2)]
        return [{trial.id for trial in plan_run(suite, manager, each).trials} for each in options]

    one, two = shards(suite)
    assert len(one) == len(two) == 4
    assert one | two == {trial.id for trial in suite.trials}
    half = [trial for trial in suite.trials if trial.id in one]
    record(suite, folder, half, lambda trial: trial.swept["noise"])
    assert search_state(suite, folder, registry).suite.trials == suite.trials
    record(suite, folder, suite.trials, lambda trial: trial.swept["noise"])
    grown = search_state(suite, folder, registry).suite
    assert shards(grown) == [{trial.id for trial in grown.trials}] * 2
    moved = ResultsFolder(folder.path.rename(tmp_path / "elsewhere"))
    assert search_state(suite, moved, registry).suite.trials == grown.trials


@pytest.mark.parametrize("apart", [False, True], ids=["in one folder", "in folders that are merged"])
def test_shards_end_where_one_run_does(suite_file, manager, tmp_path, apart):
    path = suite_file(FEW)
    shards = [harness.RunOptions(device="cpu", jobs=1, threads=1, shard=(number, 2)) for number in (1, 2)]
    places = [tmp_path / ("one" if apart else "out"), tmp_path / ("two" if apart else "out")]
    summaries = [run(path, place, options=each, plugins=manager) for place, each in zip(places, shards, strict=True)]
    assert [len(summary.trials) for summary in summaries] == ([2, 1] if apart else [2, 5])
    if apart:
        merge([ResultsFolder(place) for place in places], ResultsFolder(tmp_path / "out"))
    run(path, tmp_path / "out", options=OPTIONS, plugins=manager)
    run(path, tmp_path / "straight", options=OPTIONS, plugins=manager)
    tables = [pd.read_parquet(tmp_path / place / "scores.parquet") for place in ("out", "straight")]
    columns = ["trial", "steps", "metric", "score", "chosen_by"]
    assert len(tables[0]) == 5 * 2
    pd.testing.assert_frame_equal(*(table[columns] for table in tables))


def test_a_selector_compares_the_models_of_a_rung_to_choose_among_them(suite_file, manager, watched, tmp_path):
    path = suite_file(FEW.replace('"error"', '"alike"').replace("3, 6", "3").replace("keep = 0.5", "keep = 0.7"))
    summary = run(path, tmp_path / "out", options=OPTIONS, plugins=manager)
    chosen = [trial for trial in summary.status.suite.trials if trial.chosen_by]
    assert len(chosen) == 2
    assert watched.notes == [(9, "goes on from step 3")] * 2
    assert {(trial.chosen_by, trial.labels_seen) for trial in chosen} == {("alike", "none")}
    assert len(list((tmp_path / "out/comparisons").glob("*.json"))) == 1


def test_a_comparison_of_a_rung_that_failed_is_made_again_where_it_is_asked_for(suite_file, manager, tmp_path):
    path = suite_file(FEW.replace('"error"', '"alike"').replace("3, 6", "3"))
    suite, folder = load_suite(path, manager.registry), ResultsFolder(tmp_path / "out")
    first = run(path, folder.path, options=OPTIONS, plugins=manager).status.suite
    selector = suite.searches[0].aim.choice
    write_comparison(folder, selector, suite.trials, 0, ComparisonRecord.of_nothing(selector, "it took too long"))
    with pytest.raises(UserError, match="cannot rank the 3 models of linear: it took too long; --retry-failed tries"):
        run(path, folder.path, options=OPTIONS, plugins=manager)
    fresh = ["run", path, "--plugin", TOY, "--output", folder.path, "--fresh", "--dry-run"]
    assert CliRunner().invoke(cli, [*map(str, fresh)], catch_exceptions=False).exit_code == 0
    again = run(path, folder.path, options=replace(OPTIONS, retry_failed=True), plugins=manager)
    assert again.status.suite.trials == first.trials
    assert len(first.trials) == 4


@pytest.mark.parametrize(
    ("aim", "labels", "best"), [("loss:autoencoder/error", "none", [0.1, 0.2]), ("mig", "all", [0.3, 0.4])]
)
def test_a_training_loss_or_any_metric_may_be_the_aim(suite_file, manager, tmp_path, aim, labels, best):
    text = SUITE.replace('"error"', f'"{aim}"')
    suite, folder = load_suite(suite_file(text), manager.registry), ResultsFolder(tmp_path / "out")
    record(suite, folder, suite.trials, lambda trial: trial.swept["noise"])
    grown = search_state(suite, folder, manager.registry).suite
    assert settings(grown, 6) == best
    assert {trial.labels_seen for trial in grown.trials if trial.chosen_by == aim} == {labels}
    board = leaderboard(score_table(StudyStatus.read(grown, folder)), grown)
    assert sorted(board["labels_seen"].unique()) == ["", labels]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            '"error"',
            '"eror"',
            r"models\[0\]\.halving\.aim: there is no metric or selector 'eror'; did you mean 'error'",
        ),
        ('"error"', '"supervised:eror"', r"models\[0\]\.halving\.aim: there is no metric 'eror'; did you mean 'error'"),
        ('"error"', '{ name = "mig", bin = 3 }', r"models\[0\]\.halving\.aim\.bin: unknown key; choose from"),
        ('"error"', '"loss:error"', r"halving\.aim: got 'loss:error', expected loss:OBJECTIVE/TERM"),
        ("[3, 6]", "[]", r"models\[0\]\.halving\.at: got \[\], expected at least 1 item$"),
        ('name = "linear"', 'name = "liner"', r"models\[0\]\.name: there is no model 'liner'; did you mean 'linear'"),
        ("[3, 6]", "[3, 9]", r"models\[0\]\.halving\.at: 9 is not before the last step, training\.steps = 9"),
        ("keep = 0.5", "keep = 1.0", r"models\[0\]\.halving\.keep: got 1\.0"),
        ("[0.1, 0.2, 0.3, 0.4]", "[0.1]", r"models\[0\]\.halving: there is one setting"),
        (
            "sweep.noise",
            "sweep.training.steps = [9, 10]\nsweep.noise",
            r"halving\.at: models\[0\]\.sweep\.training\.steps",
        ),
        ("[evaluation]", "[evaluation]\nat = [3]", r"evaluation\.at: models\[0\]\.halving\.at lists steps, too"),
    ],
)
def test_a_halving_that_cannot_be_done_is_refused(suite_file, registry, right, wrong, message):
    with pytest.raises(UserError, match=message):
        load_suite(suite_file(SUITE.replace(right, wrong)), registry)


def test_two_tables_that_may_come_to_the_same_trial_are_refused(suite_file, registry):
    text = SUITE.replace(
        "[evaluation]", '[[models]]\nname = "linear"\nlabel = "plain"\nconfig.noise = 0.3\n[evaluation]'
    )
    with pytest.raises(UserError, match=r"two trials are the same: 'plain seed=0' and 'linear noise=0.3"):
        load_suite(suite_file(text), registry)


def test_a_loss_that_there_is_not_is_told_when_it_is_looked_for(suite_file, registry, tmp_path):
    text = SUITE.replace('"error"', '"loss:autoencoder/eror"')
    suite, folder = load_suite(suite_file(text), registry), ResultsFolder(tmp_path / "out")
    record(suite, folder, suite.trials, lambda trial: 1.0)
    with pytest.raises(UserError, match=r"no loss term 'autoencoder/eror'; did you mean 'autoencoder/error'"):
        search_state(suite, folder, registry)
