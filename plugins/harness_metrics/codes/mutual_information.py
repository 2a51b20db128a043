"""Binned codes, and plug-in entropies and mutual information in nats."""

import numpy as np
from numpy.typing import NDArray

from harness import Codes, Indices

BINS = 20


def bin_codes(codes: Codes | NDArray[np.float64]) -> Indices:
    """Codes (n, D) to 20 equal-width bins (n, D), numbered from 0, between the extremes of each column.

    Edges are computed in the codes' own precision. A value on an edge belongs to the bin on its right, and
    the maximum to the last bin. A constant code has one bin.
    """
    return np.stack([_bin(column) for column in codes.T], axis=1)


def _bin(column: Codes | NDArray[np.float64]) -> Indices:
    low, high = column.min(), column.max()
    if low == high:
        return np.zeros(len(column), dtype=np.int64)
    left_edges = np.linspace(low, high, BINS + 1, dtype=column.dtype)[:-1]
    return np.searchsorted(left_edges, column, side="right").astype(np.int64) - 1


def entropies(factors: Indices) -> NDArray[np.float64]:
    """Plug-in entropy in nats of each column of levels (n, F): (F,)."""
    return np.array([_entropy(column) for column in factors.T])


def _entropy(column: Indices) -> float:
    counts = np.bincount(column)
    frequencies = counts[counts > 0] / len(column)
    return float(-(frequencies * np.log(frequencies)).sum())


def mutual_information(first: Indices, second: Indices) -> NDArray[np.float64]:
    """Plug-in mutual information in nats of every pair of columns.

    Args:
        first: levels (n, D), such as binned codes.
        second: levels (n, F), such as factors.

    Returns:
        (D, F). A column with one level has exactly 0 with every other.
    """
    return np.array([[_pair(one, other) for other in second.T] for one in first.T])


def _pair(one: Indices, other: Indices) -> float:
    width = int(other.max()) + 1
    joint = np.bincount(one * width + other, minlength=(int(one.max()) + 1) * width).reshape(-1, width)
    present = joint > 0
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    # The ratio of whole numbers is exactly 1 where a column has one level, so its information is exactly 0.
    ratio = joint[present] * len(one) / independent[present]
    return float((joint[present] * np.log(ratio)).sum() / len(one))
