from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from harness.cli.result_tables import selection_intervals, unjudged_notes, wide_selections
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table, write_table
from harness.scoring.score import json_data
from harness.selection.record import ComparisonRecord, comparison_key
from harness.selection.tables import compared_together, selection_notes, selection_tables
from harness.selector import Selector
from harness.storage.records import write_json
from harness.suite.resolve import resolve_choice
from harness.suite.schema import Training
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial

NAN = float("nan")


def trial(label, seed):
    return Trial(Choice("bars"), Choice("linear", {"label": label}), Training(), seed, label)


TRIALS = [trial(label, seed) for label in ("good", "bad") for seed in range(2)]
TRUTH = {"good": 0.8, "bad": 0.2}


@pytest.fixture
def folder(tmp_path):
    return ResultsFolder(tmp_path)


def suite(registry, *names):
    choices = tuple(resolve_choice(registry, "selectors", name, {}, "") for name in names)
    return Suite("Title", "name", tuple(TRIALS), (), choices, evaluation_seed=3)


def scores(values=None):
    values = values or [TRUTH[trial.label] + trial.seed / 10 for trial in TRIALS]
    rows = [
        {"metric": "m", "metric_settings": "{}", "trial": trial.id, "status": "ok", "score": value} | BETTER
        for trial, value in zip(TRIALS, values, strict=True)
    ]
    return pd.DataFrame(rows)


BETTER = {"higher_is_better": True}


def record(folder, choice, *compared, kinds=None, **found):
    """Writes what a selector found: matrices of comparisons, each with its trials."""
    parts = [{"trials": [t.id for t in trials], "comparisons": comparisons} for comparisons, trials in compared]
    kinds = kinds or {t.id: "" for _, trials in compared for t in trials}
    written = {**asdict(ComparisonRecord.of_nothing(choice)), "kinds": kinds, "compared": parts, **found}
    write_json(folder.comparison(comparison_key(choice, TRIALS, 3)), written)


def compared(folder, choice, comparisons, trials=TRIALS, **found):
    record(folder, choice, (comparisons, trials), **found)


def tables(folder, suite, registry, values=None):
    return selection_tables(folder, suite, TRIALS, scores(values), registry)[:2]


def test_every_pool_is_judged_from_one_comparison(folder, registry):
    random = suite(registry, "random")
    compared(folder, random.selectors[0], [1.0, 2.0, 4.0, 3.0])
    judged, scored = tables(folder, random, registry)
    rows = judged.set_index("pool")
    assert rows["pool_size"].to_dict() == {"all": 4, "good": 2, "bad": 2}
    assert rows["chosen"].to_dict() == {"all": "bad seed=0", "good": "good seed=1", "bad": "bad seed=0"}
    assert rows["regret"].to_dict() == pytest.approx({"all": 0.7, "good": 0.0, "bad": 0.1})
    assert rows["cross_evaluations"].to_dict() == {"all": 4, "good": 2, "bad": 2}
    assert scored[scored["pool"] == "all"]["selector_score"].tolist() == [1, 2, 4, 3]


def test_trials_that_tie_are_judged_by_their_mean_and_are_said_to_tie(folder, registry):
    random = suite(registry, "random")
    compared(folder, random.selectors[0], [1.0, 2.0, 1.0, 2.0])
    judged, _ = tables(folder, random, registry)
    row = judged.set_index("pool").loc["all"]
    assert (row["tied"], row["chosen"]) == (2, "good seed=1")
    assert row["score"] == pytest.approx((0.9 + 0.3) / 2)
    assert row["regret"] == pytest.approx((0.0 + 0.6) / 2)
    assert judged["tied"].tolist() == [2, 1, 1]
    assert wide_selections(judged)["chosen"][0] == "2 tied, one is good seed=1"
    *_, differences = selection_tables(folder, random, TRIALS, scores(), registry)
    with_random = differences[differences["pool"] == "all"].iloc[0]
    assert with_random["difference"] == pytest.approx(0.3 - (0.9 - 0.55))
    unknown = wide_selections(judged.drop(columns="tied"))  # As tables of older versions are.
    assert unknown["chosen"][0] == "good seed=1"


def test_the_pool_of_a_label_called_all_is_told_from_the_pool_of_all(folder, registry, monkeypatch):
    trials = [trial(label, seed) for label in ("all", "bad") for seed in range(2)]
    monkeypatch.setitem(globals(), "TRIALS", trials)
    random = suite(registry, "random")
    compared(folder, random.selectors[0], [1.0, 2.0, 4.0, 3.0], trials)
    judged, _ = tables(folder, random, registry, [0.5, 0.6, 0.7, 0.8])
    assert judged.set_index("pool")["pool_size"].to_dict() == {"all": 4, "label all": 2, "bad": 2}


def test_pools_in_which_nothing_has_a_score_are_passed_over(folder, registry):
    random = suite(registry, "random")
    compared(folder, random.selectors[0], [1.0, None, None, None])
    judged, scored = tables(folder, random, registry)
    assert judged["pool"].tolist() == ["all", "good"]
    assert set(scored["pool"]) == {"all", "good"}
    assert judged["chosen"].tolist() == ["good seed=0", "good seed=0"]


def test_notes_say_who_was_left_out_and_what_chose_nothing(folder, registry):
    chosen = suite(registry, "random", "udr-lasso", "udr-spearman", "model-centrality")
    first, second, third, _ = chosen.selectors
    compared(folder, first, [1.0, 2.0], TRIALS[:2], left_out=dict.fromkeys([t.id for t in TRIALS[2:]], "why"))
    record(folder, second, failed="ValueError: no")
    compared(folder, third, np.arange(16.0).reshape(4, 4).tolist())
    assert selection_notes(folder, chosen, TRIALS) == [
        "random left out 2 of 4 trials: why",
        "udr-lasso failed: ValueError: no",
        "model-centrality has not compared these 4 trials; `harness run` lets it",
    ]
    judged, _ = tables(folder, chosen, registry)
    assert judged.groupby("selector", sort=False)["pool_size"].max().to_dict() == {"random": 2, "udr-spearman": 4}


def test_pool_and_truth_may_be_permuted(folder, registry):
    values = np.array([0.3, 0.9, 0.4, 0.1])
    random = suite(registry, "random")
    compared(folder, random.selectors[0], [1.0, 2.0, 4.0, 3.0])
    expected = tables(folder, random, registry, values.tolist())[0].set_index("pool").loc["all"]
    order = [2, 0, 3, 1]
    compared(folder, random.selectors[0], [4.0, 1.0, 3.0, 2.0], [TRIALS[place] for place in order])
    found = tables(folder, random, registry, values.tolist())[0].set_index("pool").loc["all"]
    for column in ("trial", "score", "regret", "mean", "best", "rank_correlation", "beats_random"):
        assert found[column] == pytest.approx(expected[column]), column


KINDS = {trial.id: {"good": "5 codes", "bad": "10 codes"}[trial.label] for trial in TRIALS}
REASON = "only models of one kind are compared, and these are 2 with 5 codes, 2 with 10 codes"


def test_a_pool_of_several_kinds_is_not_applicable_with_the_reason(folder, registry):
    chosen = suite(registry, "model-centrality")
    pairs = [([[1.0, 0.9], [0.7, 1.0]], TRIALS[:2]), ([[1.0, 0.1], [0.3, 1.0]], TRIALS[2:])]
    record(folder, chosen.selectors[0], *pairs, kinds=KINDS)
    judged, scored = tables(folder, chosen, registry)
    rows = judged.set_index("pool")
    assert rows["status"].to_dict() == {"all": "not-applicable", "good": "ok", "bad": "ok"}
    assert rows["reason"].to_dict() == {"all": REASON, "good": "", "bad": ""}
    mixed = rows.loc["all"]
    assert (mixed["trial"], mixed["chosen"], mixed["cross_evaluations"], mixed["pool_size"]) == ("", "", 0, 4)
    assert mixed[["score", "regret", "regret_low", "rank_correlation", "beats_random"]].isna().all()
    assert (mixed["mean"], mixed["best"]) == (pytest.approx(0.55), pytest.approx(0.9))
    assert scored.groupby("pool")["selector_score"].max().to_dict() == pytest.approx({"good": 0.8, "bad": 0.2})
    assert selection_notes(folder, chosen, TRIALS) == [f"model-centrality does not apply to the pool 'all': {REASON}"]


def test_a_row_that_is_not_applicable_is_shown_and_written(folder, registry):
    chosen = suite(registry, "model-centrality", "random")
    record(folder, chosen.selectors[0], kinds=KINDS)
    compared(folder, chosen.selectors[1], [1.0, 2.0, 4.0, 3.0])
    judged, _ = tables(folder, chosen, registry)
    shown = wide_selections(judged).set_index(["pool", "selector"])
    assert shown.loc[("all (4)", "model-centrality"), "m"] == "n/a"
    assert shown.loc[("all (4)", "(random: mean)"), "m"] == "0.550"
    assert unjudged_notes(judged) == [f"model-centrality does not apply to the pool 'all': {REASON}"]
    regrets = selection_intervals(judged, "regret").set_index(["pool", "selector"])
    assert regrets.loc[("all (4)", "model-centrality"), "m"] == "n/a"
    write_table(folder.table("selections"), "selections", judged)
    assert read_table(folder.table("selections"))["reason"].tolist()[0] == REASON


class Halved(Selector):
    """Leaves pairs out to save time."""

    complete = False

    def scores(self, comparisons):
        return comparisons.sum(axis=1)


def test_a_complete_selector_compares_all_of_a_kind_and_another_each_pool_of_one_kind():
    ids = [trial.id for trial in TRIALS]
    one, few = dict.fromkeys(ids, ""), {name: KINDS[name] for name in ids[:3]}
    for kinds, complete, halved in [
        (one, [ids], [ids, ids[:2], ids[2:]]),
        (KINDS, [ids[:2], ids[2:]], [ids[:2], ids[2:]]),
        (few, [ids[:2]], [ids[:2]]),
        ({}, [], []),
    ]:
        assert compared_together(Selector(None), kinds, TRIALS) == complete
        assert compared_together(Halved(None), kinds, TRIALS) == halved


def test_a_pool_is_never_judged_by_pairs_that_a_halving_of_another_pool_compared(folder, registry):
    chosen = suite(registry, "model-centrality-halving")
    whole = [[None, 0.9, None, 0.2], [0.9, None, 0.1, 0.3], [None, 0.1, None, 0.4], [0.2, 0.3, 0.4, None]]
    own = [[None, 0.6], [0.8, None]]
    record(folder, chosen.selectors[0], (whole, TRIALS), (own, TRIALS[2:]))
    judged, scored = tables(folder, chosen, registry)
    assert judged["pool"].tolist() == ["all", "bad"]
    points = scored.set_index(["pool", "trial"])["selector_score"]
    # Of the whole pool two models met all others; their centralities are the means of three comparisons.
    assert points["all"].tolist() == pytest.approx([NAN, 1.3 / 3, NAN, 0.9 / 3], nan_ok=True)
    assert points["bad"].tolist() == pytest.approx([0.7, 0.7])
    assert judged["chosen"].tolist() == ["good seed=1", "bad seed=0"]
    assert judged["cross_evaluations"].tolist() == [10, 2]
    assert judged[["regret_low", "score_high", "rank_correlation_low"]].isna().all(axis=None)


def test_a_halving_is_not_judged_by_a_metric_that_lacks_some_of_its_trials(folder, registry):
    chosen = suite(registry, "model-centrality-halving")
    record(folder, chosen.selectors[0], (json_data(np.ones((4, 4)) - np.diag([NAN] * 4)), TRIALS))
    truth = scores()
    truth.loc[3, "status"] = "failed"
    (row,) = selection_tables(folder, chosen, TRIALS, truth, registry)[0].to_dict("records")
    assert (row["status"], row["pool_size"]) == ("not-applicable", 3)
    assert row["reason"] == "1 of the trials that were compared have no such score"
