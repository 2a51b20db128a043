"""Differences of samples: against hand computation, other implementations, and by simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.summary import statistics
from harness.summary.statistics import (
    fewest_pairs,
    holm,
    paired_difference,
    paired_power,
    pairs_needed,
    unpaired_difference,
)


def rng():
    return np.random.default_rng(0)


def test_a_paired_difference_by_hand():
    found = paired_difference([3, 5, 4], [1, 4, 4], rng())
    assert (found.paired, found.n, found.n_second, found.wins) == (True, 3, 3, 2)
    assert found.mean == 1
    assert found.improvement == pytest.approx(2.5 / 3)
    half = stats.t.ppf(0.975, 2) * 1 / np.sqrt(3)
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half))
    assert found.effect == 1
    # Of the eight signs of (2, 1, 0) four give a sum of at least 3 in size: both signs of 0 with ++ and with --.
    assert (found.p, found.exact) == (pytest.approx(4 / 8), True)


def test_an_unpaired_difference_by_hand():
    found = unpaired_difference([3.0, 5.0], [1.0, 4.0, 1.0], rng())
    assert (found.paired, found.n, found.n_second, found.wins) == (False, 2, 3, None)
    assert found.mean == 2
    assert found.improvement == pytest.approx(5 / 6)
    # Two of the ten ways to choose two of these five scores differ from the others by 2 or more: {5, 3} and {5, 4}.
    splits = [
        np.mean(chosen) - (14 - sum(chosen)) / 3 for chosen in itertools.combinations([3.0, 5.0, 1.0, 4.0, 1.0], 2)
    ]
    assert np.mean(np.array(splits) >= 2 - 1e-9) == 0.2
    assert found.p == pytest.approx(2 * 0.2)
    assert found.exact


def test_where_smaller_is_better_the_smaller_improves_and_the_difference_keeps_its_sign():
    found = paired_difference([1, 1], [2, 3], rng(), higher_is_better=False)
    assert (found.mean, found.improvement, found.wins) == (-1.5, 1, 2)
    apart = unpaired_difference([1.0, 1.0], [2.0, 3.0, 4.0], rng(), higher_is_better=False)
    assert (apart.mean, apart.improvement) == (-2, 1)


def test_one_score_has_no_interval_and_no_test():
    for found in (paired_difference([1.0], [0.5], rng()), unpaired_difference([1.0], [0.5, 0.2], rng())):
        assert (found.low, found.high, found.bootstrap_low, found.p, found.effect) == (None, None, None, None, None)


def test_equal_differences_have_an_interval_of_no_width():
    found = paired_difference([1.5, 2.5, 3.5], [1, 2, 3], rng())
    assert (found.low, found.high, found.bootstrap_low, found.bootstrap_high) == (0.5, 0.5, 0.5, 0.5)
    assert found.effect is None
    assert unpaired_difference([1.0, 1.0], [1.0, 1.0], rng()).p == 1


@given(
    st.lists(st.tuples(*[st.floats(-100, 100).map(lambda x: round(x, 3))] * 2), min_size=2, max_size=8),
    st.floats(-5, 5).map(lambda x: round(x, 3)),
)
def test_swapping_the_sides_turns_every_sign_and_a_shift_of_both_changes_nothing(pairs, shift):
    a, b = np.array(pairs).T
    found, swapped = paired_difference(a, b, rng()), paired_difference(b, a, rng())
    assert swapped.mean == pytest.approx(-found.mean)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low))
    assert swapped.improvement == pytest.approx(1 - found.improvement)
    assert swapped.p == pytest.approx(found.p)
    shifted = paired_difference(a + shift, b + shift, rng())
    assert shifted.mean == pytest.approx(found.mean, abs=1e-9)


def test_holms_correction_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, None, 0.6]) == [1.0, None, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("effect", "pairs"), [(0.8, 15), (0.5, 34), (1.1, 9)])
def test_the_pairs_that_a_study_needs_are_those_of_published_tables(effect, pairs):
    """From the tables of G*Power 3.1 for a two-sided paired t test with power 0.8."""
    assert pairs_needed(effect) == pairs
    assert pairs_needed(-effect) == pairs
    assert paired_power(effect, pairs) >= 0.8 > paired_power(effect, pairs - 1)


def test_an_effect_that_is_nothing_needs_more_pairs_than_there_are():
    assert pairs_needed(0.0) is None
    assert pairs_needed(0.001) is None


@pytest.mark.parametrize(("family", "pairs"), [(1, 6), (10, 9), (100, 12)])
def test_the_fewest_pairs_are_those_whose_smallest_p_passes_the_correction(family, pairs):
    assert fewest_pairs(family) == pairs
    smallest = 2.0 ** (1 - pairs)
    assert smallest * family <= 0.05 < 2 * smallest * family
    assert paired_difference(np.arange(1.0, pairs + 1), np.zeros(pairs), rng()).p == pytest.approx(smallest)


@pytest.mark.slow
@pytest.mark.parametrize("draw", ["normal", "exponential"])
@pytest.mark.parametrize("n", [5, 10, 30])
def test_intervals_cover_the_truth_and_the_tests_keep_their_level(draw, n, monkeypatch):
    """Of 95 % intervals, in studies without a difference; the bootstrap's are known to be too short for few scores."""
    monkeypatch.setattr(statistics, "RESAMPLES", 999)
    numbers, studies = np.random.default_rng(n), 800
    error = 3 * np.sqrt(0.05 * 0.95 / studies)
    for compare in (paired_difference, unpaired_difference):
        shown = [compare(*getattr(numbers, draw)(size=(2, n)), numbers) for _ in range(studies)]
        covered = np.mean([each.low <= 0 <= each.high for each in shown])
        assert 0.93 - error <= covered <= 0.97 + error
        assert np.mean([each.p <= 0.05 for each in shown]) <= 0.05 + error
        bootstrapped = np.mean([each.bootstrap_low <= 0 <= each.bootstrap_high for each in shown])
        assert bootstrapped >= {5: 0.78, 10: 0.84, 30: 0.89}[n] - error


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "n"), [(1.1, 10), (0.5, 34)])
def test_power_is_what_the_formula_says(effect, n):
    numbers = np.random.default_rng(1)
    differences = numbers.normal(effect, 1, (20_000, n))
    p = stats.ttest_1samp(differences, 0, axis=1).pvalue
    assert (p <= 0.05).mean() == pytest.approx(paired_power(effect, n), abs=0.01)
