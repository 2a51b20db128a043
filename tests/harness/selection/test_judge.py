import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from harness.selection.judge import ComparedPool, judge, rank_correlation
from harness.selector import PointwiseSelector


def comparison_of(scores):
    names = [f"trial {number}" for number in range(len(scores))]
    return ComparedPool(PointwiseSelector(None), names, np.asarray(scores, dtype=float))


def judged(scores, truth, sign=1.0):
    return judge(comparison_of(scores), np.asarray(truth, dtype=float), sign)


SCORES = st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True)


@given(SCORES)
def test_a_selector_that_agrees_with_the_truth_has_no_regret(truth):
    row = judged(truth, truth)
    assert row["regret"] == row["regret_low"] == row["regret_high"] == 0
    assert row["score"] == row["best"] == max(truth)
    assert row["rank_correlation"] == pytest.approx(1)
    assert row["rank_correlation_low"] == pytest.approx(1)
    assert row["beats_random"] == 1


@given(SCORES)
def test_the_opposite_selector_has_all_of_it(truth):
    row = judged([-value for value in truth], truth)
    assert row["regret"] == max(truth) - min(truth)
    assert row["rank_correlation"] == pytest.approx(-1)
    assert row["rank_correlation_high"] == pytest.approx(-1)
    assert row["beats_random"] == 0
    assert row["regret_low"] <= row["regret_high"]


@given(SCORES, st.data())
def test_intervals_lie_within_what_pools_can_give(truth, data):
    scores = data.draw(st.lists(st.floats(0, 1), min_size=len(truth), max_size=len(truth)))
    row = judged(scores, truth)
    assert min(truth) <= row["score_low"] <= row["score_high"] <= max(truth)
    assert 0 <= row["regret_low"] <= row["regret_high"] <= max(truth) - min(truth)
    if row["rank_correlation_low"] is not None:
        assert -1 - 1e-9 <= row["rank_correlation_low"] <= row["rank_correlation_high"] <= 1 + 1e-9


def test_a_pool_of_two_by_hand():
    # A quarter of the resampled pools has the first trial alone, a quarter the second, half have both.
    row = judged([1, 0], [0.2, 0.7])
    assert (row["score"], row["score_low"], row["score_high"]) == (0.2, 0.2, 0.7)
    assert row["regret"] == row["regret_high"] == pytest.approx(0.5)
    assert row["regret_low"] == 0
    assert row["rank_correlation_low"] == row["rank_correlation_high"] == pytest.approx(-1)


def test_smaller_truth_can_be_better():
    row = judged([3, 2, 1], [0.1, 0.2, 0.6], sign=-1.0)
    assert (row["score"], row["best"], row["regret"]) == (0.1, 0.1, 0)
    assert row["mean"] == pytest.approx(0.3)
    assert row["rank_correlation"] == pytest.approx(1)


def test_ties_count_half():
    assert judged([1, 0, 0], [0.5, 0.5, 0.1])["beats_random"] == 0.75


def test_a_selector_that_tells_nothing_apart_is_a_random_choice():
    row = judged([0.5, 0.5, 0.5], [0.9, 0.3, 0.0])
    assert (row["trial"], row["tied"]) == ("trial 0", 3)
    assert row["score"] == row["mean"] == pytest.approx(0.4)
    assert row["regret"] == pytest.approx(0.5)
    assert row["beats_random"] == pytest.approx(0.5)
    assert row["rank_correlation"] is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=2, max_size=8), st.randoms())
def test_the_order_of_the_trials_decides_nothing(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    rows = [judged(*zip(*each, strict=True)) for each in (pairs, shuffled)]
    for column in ("tied", "score", "regret", "beats_random", "rank_correlation"):
        assert rows[0][column] == pytest.approx(rows[1][column]), column


def test_scores_that_differ_by_rounding_tie():
    assert judged([0.1 + 0.2, 0.3, 0.1], [1, 0, 0])["tied"] == 2
    assert judged([0.0, -1e-300, -1], [1, 0, 0])["tied"] == 1


def test_ties_in_resampled_pools_are_chosen_from_at_random():
    pools = comparison_of([1, 1, 0]).resampled
    with_both = pools.members[:, 0] & pools.members[:, 1]
    np.testing.assert_allclose(pools.of_choice(np.array([0.0, 1.0, 5.0]))[with_both], 0.5)


def test_a_trial_without_a_score_is_never_chosen_but_stays_in_the_pool():
    row = judged([np.nan, 1, 2, np.nan], [0.9, 0.5, 0.4, 0.0])
    assert (row["trial"], row["pool_size"], row["best"]) == ("trial 2", 4, 0.9)
    assert row["regret"] == pytest.approx(0.5)
    assert row["mean"] == pytest.approx(0.45)
    assert row["rank_correlation"] == pytest.approx(-1)
    assert row["beats_random"] == pytest.approx(1 / 3)
    assert comparison_of([np.nan, np.nan]).chosen == []


def test_pools_are_the_same_for_every_selector_and_choose_their_largest_score():
    first, second = (comparison_of(scores).resampled for scores in ([1, 2, 3, 4], [4, 3, 2, 1]))
    np.testing.assert_array_equal(first.members, second.members)
    last_of_each = first.members.shape[1] - 1 - first.members[:, ::-1].argmax(axis=1)
    places = np.arange(4.0)
    np.testing.assert_array_equal(first.of_choice(places), last_of_each)
    np.testing.assert_array_equal(second.of_choice(places), second.members.argmax(axis=1))
    # Of 4 draws with replacement from 4, the share of trials drawn at all is 1 - (3/4)^4 on average.
    assert first.members.mean() == pytest.approx(1 - 0.75**4, abs=0.03)


def test_pools_without_any_score_choose_nothing():
    pools = comparison_of([np.nan, np.nan, 1.0]).resampled
    others = pools.members.sum(axis=1) > 1
    assert pools.members[others, 2].all()


def test_cross_evaluations_are_the_entries_there_are():
    assert comparison_of([1, 2, 3]).cross_evaluations == 3
    assert judged([1, 2, 3], [1, 2, 3])["cross_evaluations"] == 3


def test_a_sub_pool_is_scored_from_its_own_comparisons():
    some = comparison_of([1, 2, 3]).among(["trial 2", "trial 0"])
    assert some.scores.tolist() == [3, 1]
    assert some.trials == ["trial 2", "trial 0"]


@given(st.data(), st.integers(2, 9))
def test_rank_correlation_is_scipys(data, size):
    values = st.lists(st.integers(0, 4), min_size=size, max_size=size).filter(lambda found: len(set(found)) > 1)
    scores, truth = (np.array(data.draw(values), dtype=float) for _ in range(2))
    assert rank_correlation(scores, truth) == pytest.approx(spearmanr(scores, truth).statistic)
    unscored, extra = np.append(scores, np.nan), np.append(truth, 9.0)
    assert rank_correlation(unscored, extra) == pytest.approx(spearmanr(scores, truth).statistic)


def test_rank_correlation_of_a_constant_is_none():
    assert rank_correlation(np.ones(3), np.arange(3.0)) is None
    assert rank_correlation(np.arange(3.0), np.ones(3)) is None
    assert rank_correlation(np.array([np.nan, 1.0]), np.arange(2.0)) is None
