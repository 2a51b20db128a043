"""What the protocols' estimators have in common."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning


@contextmanager
def may_stop_early() -> Iterator[None]:
    """Estimators stop after so many iterations; that is part of the protocols, so no warning is given for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
