"""How estimators of scikit-learn are called: stopped early without a warning, and given centred codes."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from harness import Codes


@contextmanager
def may_stop_early() -> Iterator[None]:
    """Within this block estimators do not warn of reaching their limit of iterations, which the protocols set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def single_precision(codes: Codes, others: Codes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Codes (n, D) and others (m, D) of one model, for estimators that compute in single precision, such as trees.

    Codes in double precision are first shifted so that each has mean 0 over the first table. Trees do not care where a
    code lies, and rounding then loses no digits of a code that varies little around a large number.
    """
    middle = codes.mean(axis=0) if codes.dtype == np.float64 else np.float32(0)
    return (codes - middle).astype(np.float32), (others - middle).astype(np.float32)
