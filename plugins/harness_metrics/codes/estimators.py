"""What the protocols' estimators have in common."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from harness import Codes


@contextmanager
def may_stop_early() -> Iterator[None]:
    """Estimators stop after so many iterations; that is part of the protocols, so no warning is given for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def single_precision(codes: Codes, others: Codes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Codes (n, D) and others (m, D) of one model, for estimators that compute in single precision, such as trees.

    Those in double precision are moved so that the mean of each code over the first is 0: no digits are lost to where
    a code lies, which to such estimators is all the same.
    """
    middle = codes.mean(axis=0) if codes.dtype == np.float64 else np.float32(0)
    return (codes - middle).astype(np.float32), (others - middle).astype(np.float32)
