import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness import TableEvaluation
from harness_metrics.codes.dhsic import DHSIC, kernel_row_means, median_distance

NUMBERS = st.floats(-4, 4, width=32).map(lambda x: round(x, 2))


def dhsic(codes, seed=0, **config):
    return DHSIC(DHSIC.Config(**config)).score(TableEvaluation(np.asarray(codes, np.float32), None, seed=seed))


def by_definition(codes):
    """Every kernel in full, (n, n, D); the median is over all pairs, those of an observation with itself included."""
    distances = abs(codes[:, None] - codes[None]).astype(np.float64)
    bandwidths = np.median(distances, axis=(0, 1))
    kernels = np.where(distances == 0, 1.0, 0.0)
    wide = bandwidths > 0
    kernels[..., wide] = np.exp(-distances[..., wide] / bandwidths[wide] ** 2)
    return kernels.prod(axis=2).mean() + kernels.mean((0, 1)).prod() - 2 * kernels.mean(1).prod(1).mean()


def test_two_observations_by_hand():
    """Distances 0, 0, 1, 1 have the median 1/2, so the kernel of the two observations is k = exp(-4).

    Of two equal codes the joint mean is (1 + k^2) / 2, and the other two are both ((1 + k) / 2)^2.
    """
    found = dhsic([[0, 0], [1, 1]])
    assert found.details["bandwidths"] == [0.5, 0.5]
    assert found.value == pytest.approx((1 - np.exp(-4)) ** 2 / 4)


@given(arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=NUMBERS))
def test_equals_its_definition(codes):
    assert dhsic(codes).value == pytest.approx(by_definition(codes.astype(np.float64)), abs=1e-12)


def test_more_observations_than_are_in_memory_at_once():
    codes = np.random.default_rng(0).normal(size=(1234, 3)).astype(np.float32)
    codes[:, 1] += codes[:, 0]
    assert dhsic(codes).value == pytest.approx(by_definition(codes.astype(np.float64)), abs=1e-12)


@given(arrays(float, st.integers(1, 40), elements=NUMBERS))
def test_median_distance_is_that_of_all_pairs(values):
    assert median_distance(values) == pytest.approx(np.median(abs(values[:, None] - values)), abs=1e-12)


@given(arrays(float, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=NUMBERS))
def test_row_means_are_those_of_the_kernel(values):
    expected = np.exp(-abs(values[:, None] - values[None])).mean(axis=1)
    np.testing.assert_allclose(kernel_row_means(values), expected, rtol=1e-12)


def test_independent_codes_score_about_zero_and_dependent_ones_more():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(3000, 3))

    def shared(weight):
        return dhsic(np.column_stack([noise[:, :2], weight * noise[:, 0] + (1 - weight) * noise[:, 2]])).value

    scores = [shared(weight) for weight in (0, 0.3, 0.6, 1)]
    assert abs(scores[0]) < 2e-3
    assert scores == sorted(scores)


def test_dependence_without_correlation_is_found():
    x = np.random.default_rng(0).normal(size=1000)
    assert dhsic(np.column_stack([x, x**2])).value > 0.01


def test_the_sample_has_no_observation_twice_and_all_if_there_are_fewer():
    codes = np.random.default_rng(0).normal(size=(300, 2))
    assert dhsic(codes).value == pytest.approx(dhsic(codes, seed=1).value, abs=1e-12)  # Only the order differs.
    assert abs(dhsic(codes, points=100).value - dhsic(codes, seed=1, points=100).value) > 1e-6


def test_it_applies_without_factors():
    assert not TableEvaluation(np.zeros((3, 1), np.float32), None).lacks(DHSIC.needs)
