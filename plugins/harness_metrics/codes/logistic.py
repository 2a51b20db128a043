"""Logistic regression as the published protocols use it."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier

from harness import Indices
from harness_metrics.codes.estimators import may_stop_early

FOLDS = 5
STRENGTHS = np.logspace(-4, 4, 10)

Features = NDArray[np.floating]
Kind = Literal["multinomial", "one-vs-rest"]
KINDS = (
    "multinomial: scikit-learn's default today; one-vs-rest: its default when the protocols were written, one binary "
    "regression for each class, whose intercept is penalised too"
)
"""What a setting says of the kinds."""


def fit_logistic(features: Features, labels: Indices, kind: Kind = "multinomial") -> Any:
    """scikit-learn's defaults, L2 with C = 1: at most 100 iterations of L-BFGS, or LIBLINEAR for one-vs-rest.

    Where there is one label only, it is always predicted.

    Returns:
        A classifier with `classes_`, `predict`, `predict_proba` (which sums to 1) and `score`.
    """
    if kind == "one-vs-rest":
        return _fit(OneVsRestClassifier(LogisticRegression(solver="liblinear")), features, labels)
    return _fit(LogisticRegression(), features, labels)


def fit_logistic_cv(features: Features, labels: Indices) -> Any:
    """The multinomial one with the C of 10 from 1e-4 to 1e4 that is most accurate in a cross-validation.

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


def _fit(classifier: Any, features: Features, labels: Indices) -> Any:
    if (labels == labels[0]).all():
        classifier = DummyClassifier()
    with may_stop_early():
        return classifier.fit(features, labels)
