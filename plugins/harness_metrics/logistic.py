"""Logistic regression as the published protocols use it."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from harness.factors import Indices

FOLDS = 5
STRENGTHS = np.logspace(-4, 4, 10)

Features = NDArray[np.floating]


def fit_logistic(features: Features, labels: Indices) -> LogisticRegression | DummyClassifier:
    """scikit-learn's defaults: multinomial, L2 with C = 1, at most 100 iterations of L-BFGS.

    Stopping at the hundredth iteration is part of the protocols, so no warning is given for it. Where there is one
    label only, it is always predicted.
    """
    return _fit(LogisticRegression(), features, labels)


def fit_logistic_cv(features: Features, labels: Indices) -> LogisticRegression | DummyClassifier:
    """The same with the C of 10 from 1e-4 to 1e4 that is most accurate in a cross-validation.

    Five folds without shuffling, as many as there are observations if those are fewer; each fit of a fold starts from
    the last. The smallest C wins ties. Unlike scikit-learn's `LogisticRegressionCV` it allows folds that lack labels.
    """
    if len(labels) == 1:
        return fit_logistic(features, labels)
    accuracies = [
        _path_accuracies((features[train], labels[train]), (features[test], labels[test]))
        for train, test in KFold(min(FOLDS, len(labels))).split(features)
    ]
    best = STRENGTHS[np.mean(accuracies, axis=0).argmax()]
    return _fit(LogisticRegression(C=best), features, labels)


def _path_accuracies(train: tuple[Features, Indices], test: tuple[Features, Indices]) -> list[float]:
    """The accuracy on the test observations for each strength."""
    classifier = LogisticRegression(warm_start=True)
    return [float(_fit(classifier.set_params(C=strength), *train).score(*test)) for strength in STRENGTHS]


def _fit(classifier: LogisticRegression, features: Features, labels: Indices) -> LogisticRegression | DummyClassifier:
    if (labels == labels[0]).all():
        return DummyClassifier().fit(features, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(features, labels)
