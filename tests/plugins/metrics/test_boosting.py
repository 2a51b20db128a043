import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from harness_metrics.codes.boosting import MAX_BINS, GradientBoosting, bin_edges, to_bins


def observations(classes, levels, n=600, seed=0):
    """Three features of so many distinct values; the first two say something about the label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    features = rng.normal(size=(n, 3))
    features[:, 0] += labels
    features[:, 1] += labels % 2
    if levels:
        features = np.round(features * levels / 8)
    return features.astype(np.float32), labels


def fit(features, labels, seed=0):
    return GradientBoosting.fit(features, labels, np.random.default_rng(seed))


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_equals_scikit_learn_where_bins_lose_nothing(classes):
    features, labels = observations(classes, levels=40)
    ours, exact = fit(features, labels), GradientBoostingClassifier(random_state=0).fit(features, labels)
    np.testing.assert_allclose(ours.importances, exact.feature_importances_, atol=2e-3)
    assert np.mean(ours.predict(features) == exact.predict(features)) > 0.99


@pytest.mark.parametrize("classes", [2, 4])
def test_is_near_scikit_learn_where_values_share_bins(classes):
    features, labels = observations(classes, levels=None, n=1500)
    ours, exact = fit(features, labels), GradientBoostingClassifier(random_state=0).fit(features, labels)
    np.testing.assert_allclose(ours.importances, exact.feature_importances_, atol=0.03)
    fresh, truth = observations(classes, levels=None, seed=1)
    assert np.mean(ours.predict(fresh) == truth) == pytest.approx(exact.score(fresh, truth), abs=0.04)


def test_weights_stand_for_repeated_observations():
    features, labels = observations(3, levels=40)
    twice = fit(np.repeat(features, 2, axis=0), np.repeat(labels, 2))
    np.testing.assert_allclose(twice.importances, fit(features, labels).importances, atol=1e-9)


def test_labels_need_not_be_consecutive():
    features, labels = observations(3, levels=40)
    spread = np.array([1, 5, 9])[labels]
    assert set(fit(features, spread).predict(features)) == {1, 5, 9}


def test_features_that_serve_equally_well_share_the_importance():
    features, labels = observations(3, levels=40)
    alone = fit(features, labels).importances[0]
    shared = fit(np.column_stack([features, features[:, 0]]), labels).importances[[0, 3]]
    assert shared.sum() == pytest.approx(alone, abs=0.02)
    assert shared.min() > 0.2 * alone


def test_constant_features_learn_nothing():
    labels = np.array([0, 0, 1])
    model = fit(np.ones((3, 2), np.float32), labels)
    assert model.importances.tolist() == [0, 0]
    assert model.predict(np.ones((2, 2), np.float32)).tolist() == [0, 0]


def test_a_constant_feature_has_no_importance():
    features, labels = observations(3, levels=40)
    features[:, 2] = 7
    importances = fit(features, labels).importances
    assert importances[2] == 0
    assert importances.sum() == pytest.approx(1)


def test_few_values_have_a_bin_each():
    column = np.repeat(np.arange(MAX_BINS, dtype=np.float32), 2)
    edges = bin_edges(column, np.zeros(len(column), dtype=np.int64))
    assert to_bins(column[:, None], [edges])[:, 0].tolist() == column.tolist()


def test_many_values_share_at_most_256_bins_and_labels_keep_their_edges():
    column = np.linspace(0, 1, 5000, dtype=np.float32)
    labels = (column > 0.123).astype(np.int64)
    edges = bin_edges(column, labels)
    assert len(edges) < MAX_BINS
    bins = to_bins(column[:, None], [edges])[:, 0]
    assert not set(bins[labels == 0]) & set(bins[labels == 1])


def test_values_closer_than_trees_resolve_are_one():
    column = np.array([0, 5e-8, 1], dtype=np.float32)
    assert len(bin_edges(column, np.array([0, 1, 1]))) == 1


@pytest.mark.parametrize("classes", [2, 5])
def test_a_feature_that_tells_all_takes_all_importance(classes):
    """Splits of nodes that are pure but for rounding would give others some, and would cost time."""
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=800)
    features = np.column_stack([rng.normal(size=800), labels, rng.integers(3, size=800)]).astype(np.float32)
    model = fit(features, labels)
    assert model.importances.tolist() == [0, 1, 0]
    features[:, [0, 2]] = 0
    assert model.predict(features).tolist() == labels.tolist()


def test_features_that_come_into_use_one_after_another_are_told_apart():
    """A label by three features in turn: each only matters where those before it do not decide."""
    rng = np.random.default_rng(0)
    features = rng.integers(2, size=(2000, 6)).astype(np.float32)
    labels = np.where(features[:, 4] > 0, 0, np.where(features[:, 1] > 0, 1, 2 + features[:, 2])).astype(np.int64)
    ours, exact = fit(features, labels), GradientBoostingClassifier(random_state=0).fit(features, labels)
    np.testing.assert_allclose(ours.importances, exact.feature_importances_, atol=1e-9)
    assert ours.importances[[0, 3, 5]].tolist() == [0, 0, 0]
    assert ours.predict(features).tolist() == labels.tolist()


def test_a_single_label_is_always_predicted():
    features, _ = observations(3, levels=40, n=20)
    model = fit(features, np.full(20, 7))
    assert model.importances.tolist() == [0, 0, 0]
    assert set(model.predict(features)) == {7}
