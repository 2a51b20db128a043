import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from harness import FactorGrid, TableEvaluation
from harness_metrics.codes.gaussian_correlation import (
    NormalisedWassersteinCorrelation,
    TotalCorrelation,
    WassersteinCorrelation,
    wasserstein_correlation,
)

METRICS = {
    "gaussian_total_correlation": TotalCorrelation,
    "gaussian_wasserstein_correlation": WassersteinCorrelation,
    "gaussian_wasserstein_correlation_norm": NormalisedWassersteinCorrelation,
}


def scored(metric, evaluation):
    return metric(metric.Config()).score(evaluation)


def of(codes, metric=TotalCorrelation):
    """The score of exactly these observations."""
    codes = np.asarray(codes, np.float32)
    return scored(metric, TableEvaluation(codes, None, fixed={"train_index": np.arange(len(codes))})).value


@pytest.mark.parametrize("name", METRICS)
def test_parity_with_disentanglement_lib(table, exact, name):
    expected = exact["unsupervised"][name]
    if expected is None:  # The reference has no total correlation of dead codes; here they change nothing.
        expected = exact["unsupervised_constant_codes_dropped"][name]
    assert scored(METRICS[name], table).value == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_covariance_is_disentanglement_libs(table, exact):
    found = scored(TotalCorrelation, table).details["covariance"]
    np.testing.assert_allclose(found, exact["unsupervised"]["covariance"], atol=1e-6)


@pytest.mark.parametrize("name", METRICS)
def test_a_dead_code_changes_nothing(load, published, name):
    expected = published["representations"]["dead_latent"]["exact"]["unsupervised_constant_codes_dropped"][name]
    dead, living = load("dead_latent"), load("dead_latent")
    living.table = living.table[:, [0, 2, 3]]
    assert scored(METRICS[name], living).value == pytest.approx(expected, rel=1e-7, abs=1e-12)
    assert scored(METRICS[name], dead).value == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_total_correlation_of_two_codes_by_hand():
    """Four observations with correlation 4 / 5: half of -ln(1 - 16 / 25) is -ln(3 / 5)."""
    codes = [[1, 2], [2, 1], [-1, -2], [-2, -1]]
    assert of(codes) == pytest.approx(-np.log(3 / 5))


def test_wasserstein_correlation_of_two_codes_by_hand():
    """Variance 1 and covariance c have eigenvalues 1 + c and 1 - c."""
    plain, normalised = wasserstein_correlation(np.array([[1, 0.8], [0.8, 1]]))
    assert plain == pytest.approx(4 - 2 * np.sqrt(1.8) - 2 * np.sqrt(0.2))
    assert normalised == pytest.approx(plain / 2)


@given(st.integers(0, 1000), st.integers(1, 6))
def test_wasserstein_correlation_is_the_trace_of_a_matrix_root(seed, d):
    mixture = np.random.default_rng(seed).normal(size=(d, 2 * d))
    covariance = mixture @ mixture.T
    expected = 2 * np.trace(covariance) - 2 * np.trace(sqrtm(np.diag(np.diag(covariance)) @ covariance)).real
    assert wasserstein_correlation(covariance)[0] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_repeated_code_costs_the_most_that_one_may():
    x = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    assert of(np.column_stack([x[:, 0], x[:, 0]])) == pytest.approx(-0.5 * np.log(2e-12))
    assert 13 < of(np.column_stack([x, x[:, 0]])) < 14


def test_scale_matters_to_the_plain_distance_alone(make):
    def codes(ids, rng):
        return ids @ [[1, 0.5], [0, 1]]

    table, scaled = make((5, 6), codes), make((5, 6), lambda ids, rng: 4 * codes(ids, rng))
    assert scored(WassersteinCorrelation, scaled).value == pytest.approx(
        16 * scored(WassersteinCorrelation, table).value
    )
    for metric in (TotalCorrelation, NormalisedWassersteinCorrelation):
        assert scored(metric, scaled).value == pytest.approx(scored(metric, table).value)


def test_codes_of_different_scale_have_the_same_total_correlation(make):
    table = make((5, 6), lambda ids, rng: ids @ [[1, 0.5], [0, 1]])
    scaled = make((5, 6), lambda ids, rng: ids @ [[1000, -0.005], [0, -0.01]])
    assert scored(TotalCorrelation, scaled).value == pytest.approx(scored(TotalCorrelation, table).value, rel=1e-5)


@pytest.mark.parametrize("metric", METRICS.values())
def test_edge_cases(metric):
    assert of(np.ones((9, 3)), metric) == 0
    assert of(np.arange(9)[:, None], metric) == pytest.approx(0, abs=1e-12)
    assert of([[1, 2]], metric) == 0
    assert not TableEvaluation(np.zeros((3, 1), np.float32), None).lacks(metric.needs)


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_single_code_of_any_scale_depends_on_nothing(metric):
    for seed in range(20):
        assert -1e-9 < of(1e8 * np.random.default_rng(seed).normal(size=(50, 1)), metric) < 100


def test_details_have_the_other_wasserstein_correlation():
    table = TableEvaluation(np.random.default_rng(0).normal(size=(99, 3)).astype(np.float32), FactorGrid("a", [99]))
    plain, normalised = scored(WassersteinCorrelation, table), scored(NormalisedWassersteinCorrelation, table)
    assert plain.details["normalised"] == normalised.value
    assert normalised.details["plain"] == plain.value
