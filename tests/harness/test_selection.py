import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.selection import Comparison, judge, rank_correlation
from harness.selector import Selector
from harness.trial import Choice


class Diagonal(Selector):
    """Scores are the row sums, so that a diagonal matrix gives any scores wanted."""

    def scores(self, comparisons):
        return comparisons.sum(axis=1)


def comparison_of(scores):
    names = [f"trial {number}" for number in range(len(scores))]
    return Comparison(Choice("diagonal"), Diagonal(None), names, np.diag(np.asarray(scores, dtype=float)))


def judged(scores, truth, sign=1.0):
    return judge(comparison_of(scores), np.asarray(truth, dtype=float), sign)


SCORES = st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True)


@given(SCORES)
def test_a_selector_that_agrees_with_the_truth_has_no_regret(truth):
    row = judged(truth, truth)
    assert row["regret"] == row["regret_low"] == row["regret_high"] == 0
    assert row["score"] == row["best"] == max(truth)
    assert row["rank_correlation"] == pytest.approx(1)
    assert row["beats_random"] == 1


@given(SCORES)
def test_the_opposite_selector_has_all_of_it(truth):
    row = judged([-value for value in truth], truth)
    assert row["regret"] == max(truth) - min(truth)
    assert row["rank_correlation"] == pytest.approx(-1)
    assert row["beats_random"] == 0
    assert row["regret_low"] <= row["regret_high"]


def test_smaller_truth_can_be_better():
    row = judged([3, 2, 1], [0.1, 0.2, 0.6], sign=-1.0)
    assert (row["score"], row["best"], row["regret"]) == (0.1, 0.1, 0)
    assert row["mean"] == pytest.approx(0.3)
    assert row["rank_correlation"] == pytest.approx(1)


def test_ties_count_half():
    assert judged([1, 0, 0], [0.5, 0.5, 0.1])["beats_random"] == 0.75


def test_a_sub_pool_is_scored_from_its_own_comparisons():
    some = comparison_of([1, 2, 3]).among(["trial 2", "trial 0"])
    assert some.scores.tolist() == [3, 1]
    assert some.trials == ["trial 2", "trial 0"]


def test_rank_correlation_of_a_constant_is_none():
    assert rank_correlation(np.ones(3), np.arange(3.0)) is None
