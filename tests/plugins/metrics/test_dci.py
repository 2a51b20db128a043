import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness import NotApplicableError
from harness_metrics.codes.dci import DCI, concentration
from harness_metrics.codes.dci_regression import DCIForest

SIZES = (3, 4, 5)


def dci(evaluation, **config):
    return DCI(DCI.Config(**config)).score(evaluation)


def test_scores_of_the_reference_importances(exact):
    for run in exact["dci_gbt"]["runs"]:
        importance = np.array(run["importance_matrix"])
        disentanglement, per_code = concentration(importance)
        completeness, per_factor = concentration(importance.T)
        assert disentanglement == pytest.approx(run["disentanglement"], abs=1e-9)
        assert completeness == pytest.approx(run["completeness"], abs=1e-9)
        np.testing.assert_allclose(per_code, run["disentanglement_per_code"], atol=1e-9)
        np.testing.assert_allclose(per_factor, run["completeness_per_factor"], atol=1e-9)


def test_parity_with_disentanglement_lib(table, exact):
    score, expected = dci(table), exact["dci_gbt"]["runs"][0]
    assert score.value == pytest.approx(expected["disentanglement"], abs=0.02)
    for name in ("completeness", "informativeness_train", "informativeness_test"):
        assert score.details[name] == pytest.approx(expected[name], abs=0.02)
    np.testing.assert_allclose(score.details["importance_matrix"], expected["importance_matrix"], atol=0.03)


@pytest.mark.slow
def test_scikit_learn_is_exact(load, published):
    score = dci(load("dead_latent"), estimator="scikit-learn")
    runs = published["representations"]["dead_latent"]["exact"]["dci_gbt"]["runs"]
    expected = [run["disentanglement"] for run in runs]
    # Ties between equally good splits are decided by other random numbers.
    assert min(expected) - 2e-3 < score.value < max(expected) + 2e-3


def test_the_protocol_of_infogan_cr_is_the_forest(load):
    forest = DCIForest(DCIForest.Config()).score(load("rotated"))
    assert dci(load("rotated"), protocol="infogan-cr") == forest


@pytest.mark.parametrize("estimator", ["boosting", "scikit-learn"])
def test_a_perfect_representation_scores_one(make, estimator):
    score = dci(make((2, 3), lambda ids, rng: ids), estimator=estimator)
    assert score.value == pytest.approx(1)
    assert score.details["completeness"] == pytest.approx(1)
    assert score.details["informativeness_test"] == 1


def test_an_even_mixture_scores_about_zero(make):
    assert dci(make((6, 6), lambda ids, rng: ids @ [[1, 1], [1, -1]])).value < 0.05


def test_noise_scores_about_zero(make):
    score = dci(make((10, 10, 10), lambda ids, rng: rng.normal(size=ids.shape)))
    assert score.value < 0.1
    assert score.details["completeness"] < 0.1


def test_a_dead_code_weighs_nothing(make):
    score = dci(make(SIZES, lambda ids, rng: np.column_stack([ids, 0 * ids[:, 0]])))
    assert score.value == pytest.approx(1)
    assert score.details["importance_matrix"][-1] == [0, 0, 0]


def test_only_dead_codes_score_zero(make):
    score = dci(make(SIZES, lambda ids, rng: 0 * ids))
    assert (score.value, score.details["completeness"]) == pytest.approx((0, 0))


def test_a_single_code_is_complete(make):
    score = dci(make(SIZES, lambda ids, rng: ids[:, :1]))
    assert score.details["completeness"] == 1
    assert 0 <= score.value <= 1


def test_a_single_factor_is_disentangled(make):
    assert dci(make((6,), lambda ids, rng: np.column_stack([ids, ids % 2]))).value == 1


def test_a_factor_with_one_level_is_left_out(make):
    score = dci(make((1, *SIZES), lambda ids, rng: ids[:, 1:]))
    assert score.value == pytest.approx(1)
    assert [row[0] for row in score.details["importance_matrix"]] == [0, 0, 0]


def test_nothing_to_measure_without_a_varying_factor(make):
    with pytest.raises(NotApplicableError, match="more than one level"):
        dci(make((1,), lambda ids, rng: ids))


@given(arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(0, 1)))
def test_concentration_lies_between_zero_and_one(importance):
    total, per_row = concentration(importance)
    assert -1e-6 <= total <= 1 + 1e-6
    assert ((per_row > -1e-6) & (per_row < 1 + 1e-6)).all()
