"""Optuna suggests settings from the results of earlier ones; the results folder is all that a search remembers."""

import math

import pandas as pd
import pytest

import harness
from harness import UserError
from harness.execution.search import search_state
from harness.execution.study import run
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result, ScoreRecord
from harness.suite.suite import load_suite
from harness.suite.trial import score_key
from support import bars_suite

MODEL = """
[models.search]
budget = {budget}
at_once = 3
aim = "error"
sampler = {{ name = "optuna", random = 6 }}
[models.search.space]
noise = {{ from = 0.01, to = 10.0, scale = "log" }}
size = {{ from = 1, to = 8 }}
training.batch_size = [8, 16]
"""


def suite_text(budget):
    return bars_suite(steps=3, seeds=1, model=MODEL.format(budget=budget)).replace("batch_size = 16\n", "")


def error(trial):
    """Is smallest at a noise of 1 and a size of 3."""
    return math.log10(trial.swept["noise"]) ** 2 + 0.1 * (trial.swept["size"] - 3) ** 2


def record(suite, folder, trials):
    (metric,) = [metric for metric in suite.metrics if metric.name == "error"]
    for trial in trials:
        own = folder.trial(trial.id)
        own.write_trial(trial)
        score = ScoreRecord(score_key(metric, 0), "error", dict(metric.config), "1", False, "ok", error(trial))
        own.write_result(Result(trial.id, Outcome.FINISHED, scores=(score,)))


def searched(suite, folder, registry):
    """Do a whole search, whose results are made up as they are wanted; returns the rounds' new trials."""
    rounds, known = [], set()
    while new := [trial for trial in search_state(suite, folder, registry).suite.trials if trial.id not in known]:
        rounds.append(new)
        known |= {trial.id for trial in new}
        record(suite, folder, new)
    return rounds


def test_suggestions_come_near_the_best_and_are_the_same_each_time(suite_file, registry, tmp_path):
    suite = load_suite(suite_file(suite_text(30)), registry)
    assert len(suite.trials) == 3
    rounds = searched(suite, ResultsFolder(tmp_path / "one"), registry)
    assert [len(new) for new in rounds] == [3] * 10
    errors = [error(trial) for new in rounds for trial in new]
    assert sum(sorted(errors[-10:])[:5]) < 0.5 * sum(sorted(errors[:10])[:5])
    assert min(errors) < 0.2
    again = searched(suite, ResultsFolder(tmp_path / "two"), registry)
    assert [[trial.id for trial in new] for new in again] == [[trial.id for trial in new] for new in rounds]
    assert {trial.chosen_by for trial in rounds[0]} == {""}
    assert {(trial.chosen_by, trial.labels_seen) for new in rounds[1:] for trial in new} == {("error", "none")}


def test_a_small_space_is_searched_to_its_end_and_nothing_twice(suite_file, registry, tmp_path):
    text = (
        suite_text(16)
        .replace('noise = { from = 0.01, to = 10.0, scale = "log" }\n', "")
        .replace("[models.search.space]", "[models.search.space]\nnoise = [0.5]")
    )
    suite = load_suite(suite_file(text), registry)
    trials = [trial for new in searched(suite, ResultsFolder(tmp_path / "out"), registry) for trial in new]
    assert 12 <= len(trials) == len({trial.id for trial in trials}) <= 16


def test_a_suggestion_that_is_a_trial_of_another_table_is_told(suite_file, registry, tmp_path):
    suite = load_suite(suite_file(suite_text(4)), registry)
    last = searched(suite, ResultsFolder(tmp_path / "out"), registry)[-1][0]
    other = '[[models]]\nname = "linear"\nlabel = "plain"\n'
    other += "".join(f"{key if '.' in key else f'config.{key}'} = {value}\n" for key, value in last.swept.items())
    both = load_suite(suite_file(suite_text(4).replace("[evaluation]", f"{other}[evaluation]")), registry)
    with pytest.raises(UserError, match="two trials are the same: 'plain seed=0' and 'linear noise="):
        searched(both, ResultsFolder(tmp_path / "out"), registry)


def test_a_search_that_was_stopped_goes_on_where_it_was(suite_file, manager, tmp_path):
    path, out = suite_file(suite_text(5)), tmp_path / "out"
    options = harness.RunOptions(device="cpu", jobs=1, threads=1)
    short = run(path, out, options=options, plugins=manager, overrides=["models.linear.search.budget=3"])
    assert len(short.status.suite.trials) == 3
    summary = run(path, out, options=options, plugins=manager)
    trials = summary.status.suite.trials
    assert [trial.id for trial in trials[:3]] == [trial.id for trial in short.status.suite.trials]
    assert len(trials) == 5
    scores = pd.read_parquet(out / "scores.parquet")
    assert scores.drop_duplicates("trial")["chosen_by"].tolist() == ["", "", "", "error", "error"]
    assert set(scores["status"]) == {"ok"}


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('"optuna"', '"optona"', r"search\.sampler: there is no sampler 'optona'; did you mean 'optuna'"),
        ("random = 6", "randon = 6", r"models\[0\]\.search\.sampler\.randon: unknown key; did you mean 'random'"),
        ('aim = "error"\n', "", r"models\[0\]\.search\.aim: this key is required where a sampler looks at results"),
        ('"error"\nsampler', '"eror"\nsampler', r"search\.aim: there is no metric or selector 'eror'; did you mean"),
        ("[models.search]", "config.size = 2\n[models.search]", r"search\.space\.size: the key also stands in models"),
        (
            "[models.search]",
            "sweep.size = [2]\n[models.search]",
            r"models\[0\]\.sweep: it needs known settings",
        ),
        ('sampler = { name = "optuna", random = 6 }\n', "", r"search\.aim: random settings have none"),
    ],
)
def test_a_search_that_cannot_be_done_is_refused(suite_file, registry, right, wrong, message):
    text = suite_text(5)
    assert right in text
    with pytest.raises(UserError, match=message):
        load_suite(suite_file(text.replace(right, wrong)), registry)
