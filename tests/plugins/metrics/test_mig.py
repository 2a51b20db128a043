import numpy as np
import pytest

from harness import NotApplicableError
from harness_metrics.codes.mig import MutualInformationGap
from harness_metrics.codes.mutual_information import bin_codes, entropies, mutual_information

SIZES = (3, 4, 5)


def mig(evaluation):
    return MutualInformationGap(MutualInformationGap.Config()).score(evaluation)


def test_parity_with_disentanglement_lib(table, exact):
    score = mig(table)
    assert score.value == pytest.approx(exact["mig"]["discrete_mig"], abs=1e-9)
    np.testing.assert_allclose(score.details["mutual_information"], exact["mig"]["mutual_information"], atol=1e-9)
    np.testing.assert_allclose(score.details["factor_entropy"], exact["mig"]["factor_entropy"], atol=1e-9)


def test_parity_with_the_infogan_cr_authors(table, exact):
    score, expected = mig(table), exact["infogan_cr"]["mig"]
    assert score.value == pytest.approx(expected["MIG_metric"], abs=1e-9)
    np.testing.assert_allclose(score.details["mutual_information"], expected["MIG_metric_detail_mi"], atol=1e-9)
    np.testing.assert_allclose(score.details["factor_entropy"], expected["MIG_metric_detail_entropy"], atol=1e-9)


def test_bin_occupancy_is_the_reference(table, exact):
    bins = bin_codes(table.codes(table.sample("train", 0)))
    occupied = [np.bincount(column, minlength=20) for column in bins.T]
    for found, counts in zip(occupied, exact["mig"]["bin_counts_per_code"], strict=True):
        # A constant code has one bin; which one it is called is of no consequence.
        assert max(counts) == len(bins) == max(found) or found.tolist() == counts


def test_a_value_on_an_edge_belongs_to_the_right_and_the_maximum_to_the_last_bin():
    codes = np.arange(21, dtype=np.float32)[:, None]
    assert bin_codes(codes)[:, 0].tolist() == [*range(20), 19]


def test_information_of_a_column_with_itself_is_its_entropy():
    levels = np.random.default_rng(0).integers(7, size=(999, 1))
    assert mutual_information(levels, levels)[0] == pytest.approx(entropies(levels))


def test_a_perfect_representation_scores_one(make):
    assert mig(make(SIZES, lambda ids, rng: ids)).value == pytest.approx(1, abs=0.01)


def test_noise_scores_about_zero(make):
    assert mig(make((10, 20, 50), lambda ids, rng: rng.normal(size=ids.shape))).value < 0.02


def test_a_dead_code_changes_nothing(make):
    def noisy(ids, rng):
        return ids + rng.normal(size=ids.shape)

    alive = mig(make(SIZES, noisy))
    dead = mig(make(SIZES, lambda ids, rng: np.column_stack([noisy(ids, rng), np.full(len(ids), 1e9)])))
    assert dead.value == alive.value
    assert dead.details["mutual_information"][-1] == [0, 0, 0]


def test_a_single_code_has_no_rival(make):
    score = mig(make((6,), lambda ids, rng: ids))
    assert score.value == pytest.approx(1)


def test_a_factor_with_one_level_is_left_out(make):
    with_constant = mig(make((1, *SIZES), lambda ids, rng: ids[:, 1:]))
    assert with_constant.value == pytest.approx(1, abs=0.01)


def test_nothing_to_measure_without_a_varying_factor(make):
    with pytest.raises(NotApplicableError, match="more than one level"):
        mig(make((1, 1), lambda ids, rng: ids))
