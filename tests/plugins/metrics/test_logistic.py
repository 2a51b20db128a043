import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from harness_metrics.codes.logistic import FOLDS, STRENGTHS, fit_logistic, fit_logistic_cv


def observations(n, classes=3, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    return np.column_stack([labels + noise * rng.normal(size=n), rng.normal(size=n)]), labels


def test_the_strength_is_the_most_accurate_on_held_out_folds():
    features, labels = observations(200)
    part = np.arange(len(labels)) * FOLDS // len(labels)

    def accuracy(strength, fold):
        fitted = LogisticRegression(C=strength).fit(features[part != fold], labels[part != fold])
        return fitted.score(features[part == fold], labels[part == fold])

    accuracies = [np.mean([accuracy(strength, fold) for fold in range(FOLDS)]) for strength in STRENGTHS]
    assert np.argmax(accuracies) == np.flatnonzero(fit_logistic_cv(features, labels).C == STRENGTHS)[0]


def test_noise_asks_for_a_stronger_penalty_than_clean_codes():
    clean, noisy = fit_logistic_cv(*observations(300, noise=0.1)), fit_logistic_cv(*observations(300, noise=20.0))
    assert noisy.C < clean.C


@pytest.mark.parametrize("fit", [fit_logistic, fit_logistic_cv])
def test_a_single_label_is_always_predicted(fit):
    features, _ = observations(7)
    classifier = fit(features, np.full(7, 4))
    assert classifier.predict(features[:2]).tolist() == [4, 4]


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_few_observations_may_leave_folds_without_some_label(n):
    features, labels = observations(n, classes=n, noise=0.01)
    labels[-1] = 99
    assert set(fit_logistic_cv(features, labels).predict(features)) <= set(labels)
