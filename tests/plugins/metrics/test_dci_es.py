import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from harness import NotApplicableError
from harness_metrics.codes.dci_es import DCIExplicitness, DCISize, explicitness, outputs_by_depth

DEPTHS = np.array([1, 2, 3, 5, 8])


def score(evaluation, **config):
    return DCIExplicitness(DCIExplicitness.Config(**{"trees": 10, **config})).score(evaluation)


def test_hand_worked_curves():
    capacities = np.arange(4)
    assert explicitness(capacities, np.array([0.2, 0.2, 0.2, 0.2]), baseline=0.8) == 1
    assert explicitness(capacities, np.array([0.9, 0.6, 0.3, 0.0]), baseline=0.9) == pytest.approx(0)
    # An area of 2.5 baselines beside a triangle of 1.5.
    assert explicitness(capacities, np.array([0.5, 0.5, 0.5, 0.0]), baseline=0.5) == pytest.approx(-2 / 3)
    # Of 0.3 + 0.1 beside 0.5, where capacities are not evenly spaced.
    assert explicitness(np.array([1, 2, 4]), np.array([0.5, 0.2, 0.1]), baseline=1) == pytest.approx(1 - 0.35 / 1.5)


def test_a_forest_cut_at_a_depth_is_the_forest_grown_to_it():
    """With one feature nothing is random but the samples of the trees, which are the same."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(300, 1)).astype(np.float32)
    real, classes = np.sin(3 * codes[:, 0]) + 0.1 * rng.normal(size=300), (abs(codes[:, 0]) * 2).astype(int) % 3
    regressor = RandomForestRegressor(7, max_depth=8, random_state=3).fit(codes, real)
    classifier = RandomForestClassifier(7, max_depth=8, random_state=3).fit(codes, classes)
    new = rng.normal(size=(50, 1)).astype(np.float32)
    cut = zip(DEPTHS, outputs_by_depth(regressor, new, DEPTHS), outputs_by_depth(classifier, new, DEPTHS), strict=True)
    for depth, values, probabilities in cut:
        grown = RandomForestRegressor(7, max_depth=depth, random_state=3).fit(codes, real)
        np.testing.assert_allclose(values[:, 0], grown.predict(new))
        grown = RandomForestClassifier(7, max_depth=depth, random_state=3).fit(codes, classes)
        np.testing.assert_allclose(probabilities, grown.predict_proba(new))


def test_sorted_levels_are_more_explicit_than_shuffled_ones(whole):
    straight = score(whole((16, 3), lambda ids: ids))
    shuffled = score(whole((16, 3), lambda ids: np.column_stack([ids[:, 0] * 7 % 16, ids[:, 1]])))
    assert straight.details["informativeness"] == pytest.approx(shuffled.details["informativeness"], abs=0.1)
    assert straight.details["per_factor"][0] > shuffled.details["per_factor"][0] + 0.1


def test_losses_fall_from_at_most_knowing_nothing(load):
    found = score(load("dead_latent"))
    losses = np.array(found.details["losses"])
    assert losses.shape == (3, 12)
    assert (np.diff(losses, axis=1) <= 0).all()
    assert (losses <= [[3 / 4], [1], [1]]).all()
    assert found.details["informativeness"] == pytest.approx(np.mean(1 - losses[:, -1]))


def test_noise_is_explicit_about_telling_nothing(make):
    found = score(make((10, 20, 50), lambda ids, rng: rng.normal(size=ids.shape)), depths=(1, 2, 3))
    assert found.value > 0.9
    assert found.details["informativeness"] < 0.05


def test_depths_that_do_not_ascend_do_not_apply(load):
    with pytest.raises(NotApplicableError, match="the depths 3, 2 do not ascend"):
        score(load("aligned"), depths=(3, 2))


def test_size_is_factors_over_codes(make):
    for codes, expected in ((1, 3), (3, 1), (12, 1 / 4)):
        table = make((2, 1, 3, 4), lambda ids, rng, codes=codes: rng.normal(size=(len(ids), codes)))
        assert DCISize(DCISize.Config()).score(table).value == pytest.approx(expected)
