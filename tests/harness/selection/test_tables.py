import numpy as np
import pandas as pd
import pytest

from harness.results.folder import ResultsFolder
from harness.selection.tables import comparison_key, selection_notes, selection_tables
from harness.storage.records import write_json
from harness.suite.resolve import resolve
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial

NAN = float("nan")


def trial(label, seed):
    return Trial(Choice("bars"), Choice("linear", {"label": label}), {}, seed, label)


TRIALS = [trial(label, seed) for label in ("good", "bad") for seed in range(2)]
TRUTH = {"good": 0.8, "bad": 0.2}


@pytest.fixture
def folder(tmp_path):
    return ResultsFolder(tmp_path)


def suite(registry, *names):
    choices = tuple(resolve(registry, "selectors", name, {}, "") for name in names)
    return Suite("Title", "name", tuple(TRIALS), (), choices, evaluation_seed=3)


def scores(values=None):
    values = values or [TRUTH[trial.label] + trial.seed / 10 for trial in TRIALS]
    rows = [
        {"metric": "m", "metric_settings": "{}", "trial": trial.id, "status": "ok", "score": value} | BETTER
        for trial, value in zip(TRIALS, values, strict=True)
    ]
    return pd.DataFrame(rows)


BETTER = {"higher_is_better": True}


def compared(folder, choice, comparisons, trials=TRIALS, **found):
    record = {"selector": choice.name, "trials": [t.id for t in trials], "left_out": {}, "failed": ""}
    write_json(folder.comparison(comparison_key(choice, TRIALS, 3)), {**record, "comparisons": comparisons, **found})


def tables(folder, suite, registry, values=None):
    return selection_tables(folder, suite, TRIALS, scores(values), registry)


def diagonal(*values):
    return [[value if row == column else None for column in range(len(values))] for row, value in enumerate(values)]


def test_every_pool_is_judged_from_one_comparison(folder, registry):
    random = suite(registry, "random")
    compared(folder, random.selectors[0], diagonal(1.0, 2.0, 4.0, 3.0))
    judged, scored = tables(folder, random, registry)
    rows = judged.set_index("pool")
    assert rows["pool_size"].to_dict() == {"all": 4, "good": 2, "bad": 2}
    assert rows["chosen"].to_dict() == {"all": "bad seed=0", "good": "good seed=1", "bad": "bad seed=0"}
    assert rows["regret"].to_dict() == pytest.approx({"all": 0.7, "good": 0.0, "bad": 0.1})
    assert rows["cross_evaluations"].to_dict() == {"all": 4, "good": 2, "bad": 2}
    assert scored[scored["pool"] == "all"]["selector_score"].tolist() == [1, 2, 4, 3]


def test_pools_in_which_nothing_has_a_score_are_passed_over(folder, registry):
    random = suite(registry, "random")
    compared(folder, random.selectors[0], diagonal(1.0, None, None, None))
    judged, scored = tables(folder, random, registry)
    assert judged["pool"].tolist() == ["all", "good"]
    assert set(scored["pool"]) == {"all", "good"}
    assert judged["chosen"].tolist() == ["good seed=0", "good seed=0"]


def test_notes_say_who_was_left_out_and_what_chose_nothing(folder, registry):
    chosen = suite(registry, "random", "udr-lasso", "udr-spearman", "model-centrality")
    first, second, third, _ = chosen.selectors
    compared(folder, first, diagonal(1.0, 2.0), TRIALS[:2], left_out=dict.fromkeys([t.id for t in TRIALS[2:]], "why"))
    compared(folder, second, None, failed="ValueError: no")
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
    compared(folder, random.selectors[0], diagonal(1.0, 2.0, 4.0, 3.0))
    expected = tables(folder, random, registry, values.tolist())[0].set_index("pool").loc["all"]
    order = [2, 0, 3, 1]
    compared(folder, random.selectors[0], diagonal(4.0, 1.0, 3.0, 2.0), [TRIALS[place] for place in order])
    found = tables(folder, random, registry, values.tolist())[0].set_index("pool").loc["all"]
    for column in ("trial", "score", "regret", "mean", "best", "rank_correlation", "beats_random"):
        assert found[column] == pytest.approx(expected[column]), column
