import numpy as np
import pytest

from harness_metrics.codes.dci_regression import DCIForest, DCILasso, DCILassoCV, concentrations


def scored(metric, evaluation, **config):
    return metric(metric.Config(**config)).score(evaluation)


@pytest.mark.parametrize(
    ("metric", "config", "name", "tolerance"),
    [
        (DCILasso, {}, "dci_lasso", 2e-6),
        (DCILassoCV, {}, "dci_lassocv_cv5", 5e-4),
        (DCILassoCV, {"folds": 3}, "dci_lassocv_cv3", 5e-4),
    ],
)
def test_parity_with_the_authors_lasso(table, exact, metric, config, name, tolerance):
    authors = exact["infogan_cr"]
    expected = authors.get(f"{name}_constant_codes_dropped", authors[name])
    if "error" in expected:  # Their code cannot take a constant code; the lasso with it dropped is compared above.
        assert np.isfinite(scored(metric, table, **config).value)
        return
    score = scored(metric, table, **config)
    assert score.value == pytest.approx(expected["disent_skipping_unused_codes"], abs=tolerance)
    assert score.details["completeness"] == pytest.approx(expected["complete_metric"], abs=tolerance)
    if expected["disent_metric"] is not None:  # Nothing, where a code serves no factor.
        assert score.value == pytest.approx(expected["disent_metric"], abs=tolerance)
    alive = [code for code in range(table.table.shape[1]) if np.ptp(table.table[:, code])]
    importance = np.array(score.details["importance_matrix"])
    # Theirs are of single precision, in which a cross-validation of clean codes may prefer the next strength.
    np.testing.assert_allclose(
        importance[alive], expected["metric_detail"], atol=6e-3 if metric is DCILassoCV else 2e-5
    )
    per_code = [0 if code is None else code for code in expected["disent_metric_detail"]]
    np.testing.assert_allclose(score.details["disentanglement_per_code"], per_code, atol=10 * tolerance)
    per_factor = score.details["completeness_per_factor"]
    np.testing.assert_allclose(per_factor, expected["complete_metric_detail"], atol=10 * tolerance)


@pytest.mark.parametrize(
    ("depths", "name"), [((4, 5, 2, 5, 5), "RandomForest"), ((4, 2, 4, 2, 2), "RandomForestIBGAN")]
)
def test_parity_with_the_authors_forest(load, published, representation, agree, depths, name):
    stochastic = published["representations"][representation]["stochastic"]
    reference = stochastic["infogan_cr_dci_random_forest"][f"{name}_10_trees"]
    scores = [scored(DCIForest, load(representation, seed), depths=depths) for seed in range(4)]
    assert agree([score.value for score in scores], reference["disent_skipping_unused_codes"])
    assert agree([score.details["completeness"] for score in scores], reference["complete_metric"])


@pytest.mark.parametrize(
    "name",
    ["dead_latent", *(pytest.param(name, marks=pytest.mark.slow) for name in ("aligned", "rotated", "redundant"))],
)
def test_parity_with_the_authors_forest_of_todays_size(load, published, name):
    stochastic = published["representations"][name]["stochastic"]["infogan_cr_dci_random_forest"]
    reference = stochastic["RandomForest_100_trees"]
    score = scored(DCIForest, load(name), depths=(4, 5, 2, 5, 5), trees=100)
    found = {"disent_skipping_unused_codes": score.value, "complete_metric": score.details["completeness"]}
    for key, value in found.items():
        assert value == pytest.approx(reference[key]["mean"], abs=max(4 * reference[key]["std"], 1e-3))


METRICS = [DCILasso, DCILassoCV, DCIForest]


@pytest.mark.parametrize("metric", METRICS)
def test_edge_cases_are_finite_and_a_perfect_representation_scores_one(make, metric):
    assert scored(metric, make((4, 5), lambda ids, rng: ids)).value == pytest.approx(1, abs=0.01)
    assert scored(metric, make((4, 5), lambda ids, rng: 0 * ids)).value == 0
    # A forest that has one code to look at finds it important for the other factor too.
    assert 0 <= scored(metric, make((4, 5), lambda ids, rng: ids[:, :1])).value <= 1 + 1e-6
    assert scored(metric, make((6,), lambda ids, rng: ids)).value == 1
    dead = make((4, 5), lambda ids, rng: np.column_stack([ids, 0 * ids[:, 0]]))
    assert scored(metric, dead).value == pytest.approx(1, abs=0.01)
    one_level = make((1, 4, 5), lambda ids, rng: ids[:, 1:])
    assert scored(metric, one_level).value == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_a_code_that_tells_nothing_leaves_forests_of_the_others_a_score(make, seed):
    """Rounding leaves some of its importances below 0 for some of these seeds."""

    def with_noise(ids, rng):
        noise = np.random.default_rng(seed).normal(size=(len(ids), 4))
        return np.column_stack([ids + 0.05 * noise[:, :3], noise[:, 3]])

    assert scored(DCIForest, make((4, 5, 3), with_noise)).value == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("metric", METRICS)
def test_a_mixture_scores_low(make, metric):
    assert scored(metric, make((6, 6), lambda ids, rng: ids @ [[1.0, 1.0], [1.0, -1.0]])).value < 0.3


def test_concentration_of_rows():
    found = concentrations(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [1, 0, 0], atol=1e-9)
