import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from harness import NotApplicableError
from harness_metrics.codes.explicitness import Explicitness, mean_area

SIZES = (3, 4, 5)
PROTOCOLS = pytest.mark.parametrize("protocol", ["disentanglement_lib", "infogan-cr"])


def explicitness(evaluation, **config):
    return Explicitness(Explicitness.Config(**config)).score(evaluation)


def test_parity_with_disentanglement_lib(table, exact):
    score = explicitness(table)
    expected = exact.get("explicitness_constant_codes_dropped", exact["explicitness"])
    assert score.value == pytest.approx(expected["explicitness_score_test"], abs=3e-5)
    assert score.details["train"] == pytest.approx(expected["explicitness_score_train"], abs=3e-5)
    for sample in ("train", "test"):
        found, per_factor = score.details[f"{sample}_per_factor"], expected[f"explicitness_per_factor_{sample}"]
        np.testing.assert_allclose(found, per_factor, atol=1e-4)


def test_parity_with_the_infogan_cr_authors(table, exact):
    expected = exact["infogan_cr"]["fstat"]
    score = explicitness(table, protocol="infogan-cr")
    assert score.value == pytest.approx(expected["FStat_expl_metric"], abs=3e-5)
    np.testing.assert_allclose(
        score.details["train_per_factor"], np.ravel(expected["FStat_expl_metric_detail"]), atol=1e-4
    )


def test_parity_with_one_vs_rest_regressions(table, exact):
    name = "explicitness_ovr_liblinear"
    expected = exact.get(f"{name}_constant_codes_dropped") or exact[name]
    score = explicitness(table, classifier="one-vs-rest")
    assert score.value == pytest.approx(expected["explicitness_score_test"], abs=1e-6)
    assert score.details["train"] == pytest.approx(expected["explicitness_score_train"], abs=1e-6)
    for sample in ("train", "test"):
        found, per_factor = score.details[f"{sample}_per_factor"], expected[f"explicitness_per_factor_{sample}"]
        np.testing.assert_allclose(found, per_factor, atol=1e-6)


def test_parity_with_one_vs_rest_regressions_of_the_infogan_cr_authors(table, exact):
    expected = exact["infogan_cr"]["fstat_expl_ovr_liblinear"]
    score = explicitness(table, protocol="infogan-cr", classifier="one-vs-rest")
    assert score.value == pytest.approx(expected["FStat_expl_metric"], abs=1e-6)
    np.testing.assert_allclose(
        score.details["train_per_factor"], np.ravel(expected["FStat_expl_metric_detail"]), atol=1e-6
    )


def test_area_is_scikit_learns():
    rng = np.random.default_rng(0)
    probabilities, labels = rng.integers(5, size=(200, 3)) / 5, rng.integers(3, size=200)
    truth = labels[:, None] == np.arange(3)
    expected = np.mean([roc_auc_score(truth[:, k], probabilities[:, k]) for k in range(3)])
    assert mean_area(probabilities, truth) == pytest.approx(expected)


def test_area_leaves_out_levels_that_nobody_has():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    assert mean_area(probabilities, np.eye(3, dtype=bool)[:2]) == 1


@PROTOCOLS
def test_linearly_separable_levels_score_one(make, protocol):
    score = explicitness(make(SIZES, lambda ids, rng: np.eye(5)[ids].reshape(len(ids), -1)), protocol=protocol)
    assert score.value == pytest.approx(1)


@PROTOCOLS
def test_noise_scores_chance(make, protocol):
    noise = make((10, 20, 30), lambda ids, rng: rng.normal(size=ids.shape))
    assert explicitness(noise, protocol=protocol).value == pytest.approx(0.5, abs=0.05)


def test_mixing_codes_does_not_matter(make):
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]

    def noisy(ids, rng):
        return ids + rng.normal(size=ids.shape)

    plain = explicitness(make(SIZES, noisy)).value
    mixed = explicitness(make(SIZES, lambda ids, rng: noisy(ids, rng) @ rotation)).value
    assert mixed == pytest.approx(plain, abs=5e-3)


@PROTOCOLS
def test_edge_cases(make, protocol):
    dead = make(SIZES, lambda ids, rng: np.column_stack([ids, 0 * ids[:, 0] + 3.3]))
    alive = make(SIZES, lambda ids, rng: ids)
    assert explicitness(dead, protocol=protocol).value == explicitness(alive, protocol=protocol).value
    assert explicitness(make(SIZES, lambda ids, rng: 0 * ids), protocol=protocol).value == 0.5
    assert 0.5 < explicitness(make(SIZES, lambda ids, rng: ids[:, :1]), protocol=protocol).value < 1
    one_level = make((1, *SIZES), lambda ids, rng: ids[:, 1:])
    assert len(explicitness(one_level, protocol=protocol).details["test_per_factor"]) == 3
    with pytest.raises(NotApplicableError, match="more than one level"):
        explicitness(make((1,), lambda ids, rng: ids), protocol=protocol)
