"""Logistic regression as the published protocols use it."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from harness.factors import Indices


def fit_logistic(features: NDArray[np.floating], labels: Indices) -> LogisticRegression:
    """scikit-learn's defaults: multinomial, L2 with C = 1, at most 100 iterations of L-BFGS.

    Stopping at the hundredth iteration is part of the protocols, so no warning is given for it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression().fit(features, labels)
