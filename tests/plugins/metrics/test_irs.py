import numpy as np
import pytest

from harness_metrics.codes.irs import InterventionalRobustness

SIZES = (4, 5, 6)


def irs(evaluation, **config):
    return InterventionalRobustness(InterventionalRobustness.Config(**config)).score(evaluation)


def test_parity_with_disentanglement_lib(table, exact):
    score, expected = irs(table), exact["irs"]
    # The reference takes means in float32.
    assert score.value == pytest.approx(expected["IRS"], abs=3e-5)
    np.testing.assert_allclose(score.details["matrix"], expected["IRS_matrix"], atol=3e-5)
    np.testing.assert_allclose(score.details["per_code"], expected["disentanglement_scores"], atol=3e-5)
    np.testing.assert_allclose(score.details["max_deviations"], expected["max_deviations"], rtol=3e-5)
    assert score.details["parents"] == expected["parents"]
    assert len(score.details["active_codes"]) == expected["num_non_constant_codes"]


def test_parity_with_the_maximum_as_distance(table, exact):
    assert irs(table, quantile=1.0).value == pytest.approx(exact["irs"]["IRS_diff_quantile_1.0"], abs=3e-5)


def test_a_perfect_representation_scores_one(make):
    score = irs(make(SIZES, lambda ids, rng: ids))
    assert score.value == pytest.approx(1)
    assert score.details["parents"] == [0, 1, 2]


def test_noise_scores_little(make):
    assert irs(make((10, 20, 30), lambda ids, rng: rng.uniform(size=ids.shape))).value < 0.1


def test_many_levels_share_bins(make):
    assert 0.9 < irs(make((100,), lambda ids, rng: ids)).value < 1


def test_edge_cases(make):
    dead = irs(make(SIZES, lambda ids, rng: np.column_stack([0 * ids[:, 0] + 3.3, ids])))
    assert dead.value == pytest.approx(1)
    assert dead.details["active_codes"] == [1, 2, 3]
    assert irs(make(SIZES, lambda ids, rng: 0 * ids)).value == 0
    assert irs(make(SIZES, lambda ids, rng: ids[:, :1])).value == pytest.approx(1)
    assert irs(make((1, *SIZES), lambda ids, rng: ids[:, 1:])).value == pytest.approx(1)
