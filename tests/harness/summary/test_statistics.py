"""Differences of samples: against hand computation, other implementations, and by simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from harness.summary import statistics
from harness.summary.statistics import (
    fewest_pairs,
    holm,
    least_p,
    paired_difference,
    paired_p_values,
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


def test_a_studentised_interval_is_that_of_all_resamples():
    """Of the 5 ** 5 resamples of five scores, by their definition; 9,999 random ones come close."""
    scores = np.array([0.0, 1.0, 3.0, 5.0, 11.0])
    found = paired_difference(scores, np.zeros(5), rng())
    resamples = np.array(list(itertools.product(scores, repeat=5)))
    errors = resamples.std(axis=1, ddof=1) / np.sqrt(5)
    # How far the mean of all is from the interval's ends, in standard errors: beyond either are 2.5 % of the resamples.
    error = scores.std(ddof=1) / np.sqrt(5)
    below, above = (found.bootstrap_high - 4) / error, (4 - found.bootstrap_low) / error
    assert np.mean(resamples.mean(axis=1) - 4 < -below * errors) == pytest.approx(0.025, abs=0.006)
    assert np.mean(resamples.mean(axis=1) - 4 > above * errors) == pytest.approx(0.025, abs=0.006)
    # Scores that are skewed to the right leave more room above than below.
    assert below > above


@pytest.mark.parametrize("scores", [[1.0, 2.0], [1.0, 2.0, 4.0], [0.0, 0.0, 0.0, 0.0, 1.0]])
def test_scores_that_set_no_bound_have_no_studentised_interval(scores):
    found = paired_difference(scores, np.zeros(len(scores)), rng())
    assert None in (found.bootstrap_low, found.bootstrap_high)
    assert None not in (found.low, found.high)


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


def test_small_effects_need_many_pairs_and_those_that_need_too_many_have_no_number():
    assert pairs_needed(0.0) is None
    assert pairs_needed(0.001) is None
    assert pairs_needed(0.028) is None
    assert 9_000 < pairs_needed(0.0295) < 10_000


@pytest.mark.parametrize(("effect", "pairs"), [(6.0, 2), (6.0, 3), (8.0, 2), (0.5, 20), (0.03, 9_000)])
def test_power_is_that_of_the_mean_over_all_deviations(effect, pairs):
    """Also where SciPy's noncentral t distribution has no result."""
    degrees = pairs - 1
    critical, shift = stats.t.ppf(0.975, degrees), effect * np.sqrt(pairs)

    def power(share):
        deviation = np.sqrt(stats.chi2.ppf(share, degrees) / degrees)
        return stats.norm.sf(critical * deviation - shift) + stats.norm.cdf(-critical * deviation - shift)

    assert paired_power(effect, pairs) == pytest.approx(quad(power, 0, 1, limit=400)[0], abs=1e-4)


def test_scores_that_differ_by_rounding_alone_are_equal():
    third = [0.1 + 0.2] * 4
    found = paired_difference(third, [0.3] * 4, rng())
    assert (found.mean, found.wins, found.improvement, found.p, found.effect) == (0, 0, 0.5, 1, None)
    assert paired_p_values([third], [0.3] * 4) == [1]
    assert unpaired_difference([0.1] * 3, [0.2] * 3, rng()).effect is None


@pytest.mark.parametrize(("n", "n_second"), [(3, 3), (4, 3), (2, 6)])
def test_the_least_p_is_that_of_scores_which_do_not_overlap(n, n_second):
    found = unpaired_difference(np.arange(n) + 100.0, np.arange(n_second) ** 1.5, rng())
    assert found.p == pytest.approx(least_p(n, n_second, paired=False))


@pytest.mark.parametrize(("family", "pairs"), [(1, 6), (10, 9), (100, 12)])
def test_the_fewest_pairs_are_those_whose_smallest_p_passes_the_correction(family, pairs):
    assert fewest_pairs(family) == pairs
    smallest = 2.0 ** (1 - pairs)
    assert smallest * family <= 0.05 < 2 * smallest * family
    assert paired_difference(np.arange(1.0, pairs + 1), np.zeros(pairs), rng()).p == pytest.approx(smallest)


def coverage(found, ends, truth=0):
    low, high = zip(*(ends(each) for each in found), strict=True)
    return np.mean((np.array(low) <= truth) & (truth <= np.array(high)))


def t_interval(found):
    return found.low, found.high


def bootstrap_interval(found):
    return found.bootstrap_low, found.bootstrap_high


STUDIES = 800
ERROR = 3 * np.sqrt(0.05 * 0.95 / STUDIES)


@pytest.mark.slow
@pytest.mark.parametrize("draw", ["normal", "exponential"])
@pytest.mark.parametrize("n", [5, 10, 30])
def test_intervals_cover_the_truth_and_the_tests_keep_their_level(draw, n, monkeypatch):
    """Of 95 % intervals, in studies without a difference between two sides of normal or of skewed scores."""
    monkeypatch.setattr(statistics, "RESAMPLES", 999)
    numbers = np.random.default_rng(n)
    for compare in (paired_difference, unpaired_difference):
        found = [compare(*getattr(numbers, draw)(size=(2, n)), numbers) for _ in range(STUDIES)]
        assert 0.93 - ERROR <= coverage(found, t_interval) <= 0.97 + ERROR
        assert 0.93 - ERROR <= coverage(found, bootstrap_interval) <= 0.97 + ERROR
        assert np.mean([each.p <= 0.05 for each in found]) <= 0.05 + ERROR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "settings", "truth", "by_t", "by_bootstrap"),
    [
        ("exponential", {}, 1, [0.887, 0.898, 0.926], [0.932, 0.942, 0.949]),
        ("lognormal", {"sigma": 0.5}, np.exp(0.125), [0.915, 0.923, 0.933], [0.935, 0.948, 0.944]),
        ("lognormal", {"sigma": 1}, np.exp(0.5), [0.825, 0.831, 0.882], [0.894, 0.901, 0.920]),
    ],
    ids=["skewness 2", "skewness 1.75", "skewness 6.2"],
)
def test_intervals_of_skewed_differences_cover_as_much_as_the_documents_say(
    draw, settings, truth, by_t, by_bootstrap, monkeypatch
):
    """The numbers are those of another program with 6,000 studies."""
    monkeypatch.setattr(statistics, "RESAMPLES", 999)
    numbers = np.random.default_rng(0)
    for place, n in enumerate((5, 10, 30)):
        samples = getattr(numbers, draw)(size=(STUDIES, n), **settings)
        found = [paired_difference(sample, np.zeros(n), numbers) for sample in samples]
        assert coverage(found, t_interval, truth) == pytest.approx(by_t[place], abs=0.04)
        assert coverage(found, bootstrap_interval, truth) == pytest.approx(by_bootstrap[place], abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "n"), [(1.1, 10), (0.5, 34)])
def test_power_is_what_the_formula_says(effect, n):
    numbers = np.random.default_rng(1)
    differences = numbers.normal(effect, 1, (20_000, n))
    p = stats.ttest_1samp(differences, 0, axis=1).pvalue
    assert (p <= 0.05).mean() == pytest.approx(paired_power(effect, n), abs=0.01)
