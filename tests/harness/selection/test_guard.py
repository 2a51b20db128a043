"""A selector whose code is wrong costs its own selections and nothing else."""

import json
import sys
import tracemalloc
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch

from harness.cli.result_tables import print_selections, unjudged_notes, wide_selections
from harness.errors import NotApplicableError
from harness.registry import Entry, Plugin, Registry
from harness.results.folder import ResultsFolder
from harness.selection import guard
from harness.selection.record import (
    ComparedTrials,
    ComparisonRecord,
    comparison_key,
    read_comparison,
    write_comparison,
)
from harness.selection.tables import selection_tables
from harness.selector import PointwiseSelector, Selector
from harness.storage.records import write_json
from harness.suite.schema import Training
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial


class Good(Selector):
    """Row sums."""

    def compare(self, pool):
        return np.ones((len(pool), len(pool)))

    def scores(self, comparisons):
        return comparisons.sum(axis=1)


def wrong(**methods):
    return type("Wrong", (Good,), {name: staticmethod(method) for name, method in methods.items()})(None)


def leave(*_):
    sys.exit(0)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (np.ones((3, 2)), r"its comparisons have the shape \(3, 2\), expected \(3, 3\)"),
        (np.ones(3), r"have the shape \(3,\)"),
        ([[1, 2], [3]], "are no array of numbers"),
        ("text", "are no array of numbers"),
        (np.full((3, 3), "1.0"), "are no array of numbers"),
        (np.full((3, 3), 1j), "are no array of numbers"),
        (torch.ones(3, 3, requires_grad=True), "are no array of numbers"),
        ([[10**400] * 3] * 3, "are no array of numbers"),
        (None, "have the shape"),
    ],
)
def test_comparisons_of_another_shape_or_kind_are_refused(result, reason):
    with pytest.raises(guard.SelectorError, match=reason):
        guard.compare(wrong(compare=lambda pool: result), [None] * 3)


@pytest.mark.parametrize(
    "result", [np.ones(2), np.ones((3, 3)), 1.0, "text", [1, 2, "x"], np.array([1, np.inf, 0]), [1j, 2j, 3j], None]
)
def test_scores_of_another_shape_or_kind_are_refused(result):
    with pytest.raises(guard.SelectorError, match="scores"):
        guard.scores(wrong(scores=lambda comparisons: result), np.ones((3, 3)))


@pytest.mark.parametrize("error", [ValueError("no"), MemoryError(), SystemExit(0), RecursionError()])
def test_whatever_a_selector_raises_is_its_own_failure(error):
    def fail(*_):
        raise error

    with pytest.raises(guard.SelectorError, match=type(error).__name__):
        guard.scores(wrong(scores=fail), np.ones((3, 3)))
    with pytest.raises(guard.SelectorError, match=type(error).__name__):
        guard.compare(wrong(compare=fail), [None] * 3)


def test_a_selector_that_draws_from_a_global_generator_repeats():
    def compare(pool):
        return np.random.rand(len(pool), len(pool))

    assert (
        guard.compare(wrong(compare=compare), [None] * 3) == guard.compare(wrong(compare=compare), [None] * 3)
    ).all()


def test_what_a_selector_says_of_a_model_is_a_text():
    assert guard.text("a kind", "a model's kind") == "a kind"
    for found in (None, ["a kind"], np.ones(2)):
        with pytest.raises(guard.SelectorError, match=f"a model's kind is a text, not {type(found).__name__}"):
            guard.text(found, "a model's kind")


def test_that_a_selector_does_not_apply_is_no_failure():
    def refuse(pool):
        raise NotApplicableError("no codes")

    with pytest.raises(NotApplicableError):
        guard.compare(wrong(compare=refuse), [None] * 3)


def test_a_selector_cannot_change_the_comparisons_by_scoring_them():
    comparisons = np.ones((3, 3))

    def spoil(found):
        found[:] = 0
        return found.sum(axis=1)

    guard.scores(wrong(scores=spoil), comparisons)
    assert (comparisons == 1).all()


class FailsOnPairs(Good):
    """Scores only larger pools."""

    def scores(self, comparisons):
        if len(comparisons) < 3:
            raise IndexError("index 2 is out of bounds")
        return comparisons.sum(axis=1)


class CannotBeMade(Good):
    """Raises in its constructor."""

    def __init__(self, config):
        sys.exit(0)


TRIALS = [
    Trial(Choice("bars"), Choice("linear", {"label": label}), Training(), seed, label)
    for label in ("a", "b")
    for seed in (0, 1)
]


@pytest.fixture
def study(tmp_path):
    """The tables of a study whose selectors are given, each with the comparisons of its four trials."""

    def write(**selectors):
        registry = Registry()
        for name, selector in selectors.items():
            registry.add(Entry("selectors", name, selector, "", Plugin(sys.modules[__name__], "test", "1")))
        suite = Suite("Title", "name", tuple(TRIALS), (), tuple(Choice(name) for name in selectors), 0)
        folder = ResultsFolder(tmp_path)
        for choice in suite.selectors:
            compared = ComparedTrials([trial.id for trial in TRIALS], np.eye(4).tolist())
            record = ComparisonRecord(choice.name, {trial.id: "" for trial in TRIALS}, {}, [compared])
            write_comparison(folder, choice, TRIALS, 0, record)
        rows = [{"metric": "m", "metric_settings": "{}", "trial": trial.id, "status": "ok"} for trial in TRIALS]
        scores = pd.DataFrame(rows).assign(score=[0.1, 0.4, 0.2, 0.3], higher_is_better=True)
        return selection_tables(folder, suite, TRIALS, scores, registry)[0]

    return write


def test_a_selector_that_fails_on_a_sub_pool_has_rows_that_say_so_beside_those_of_the_others(study, capsys):
    judged = study(
        good=Good, pairs=FailsOnPairs, unmade=CannotBeMade, leaves=type("Leaves", (Good,), {"scores": leave})
    )
    status = judged.groupby(["selector", "pool"], sort=False)["status"].first().unstack()
    assert status.loc["good"].tolist() == ["ok", "ok", "ok"]
    for name in ("pairs", "unmade", "leaves"):
        assert status.loc[name].tolist() == ["failed"] * 3
    assert "pairs failed on the pool 'a': scores of 2 models: IndexError: index 2 is out of bounds" in unjudged_notes(
        judged
    )
    assert wide_selections(judged).set_index(["pool", "selector"]).loc[("a (2)", "pairs"), "m"] == "failed"
    print_selections(judged, "Selectors")
    assert "failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found.pop("kinds"),
        lambda found: found.update(compared=None),
        lambda found: found["compared"][0].pop("trials"),
        lambda found: found["compared"][0]["trials"].append("another"),
        lambda found: found["left_out"].update(another="why"),
        lambda found: found["compared"][0]["comparisons"].pop(),
    ],
)
def test_a_record_that_lacks_something_is_damaged(tmp_path, spoil, caplog):
    folder, choice = ResultsFolder(tmp_path), Choice("good")
    compared = ComparedTrials([trial.id for trial in TRIALS], [1.0] * 4)
    found = asdict(ComparisonRecord("good", {trial.id: "" for trial in TRIALS}, {}, [compared]))
    spoil(found)
    write_json(folder.comparison(comparison_key(choice, TRIALS, 0)), found)
    assert read_comparison(folder, choice, TRIALS, 0) is None
    assert "damaged" in caplog.text


def test_scores_of_single_models_take_memory_in_proportion_to_their_number():
    scores = np.arange(20_000.0)
    tracemalloc.start()
    found = guard.scores(
        PointwiseSelector(None), guard.checked_comparisons(PointwiseSelector(None), scores.tolist(), 20_000)
    )
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found == scores).all()
    assert most < 50 * scores.nbytes
    assert len(json.dumps(scores.tolist())) < 200_000
