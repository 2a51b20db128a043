"""Distances between two samples of feature vectors."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness import Floats


def frechet_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Squared 2-Wasserstein distance of the Gaussians fitted to (N, D) and (M, D) vectors, N, M > 1.

    |μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½) with the sample covariances (n - 1).
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    means = float(np.square(a.mean(axis=0) - b.mean(axis=0)).sum())
    covariance_a, covariance_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    # The eigenvalues of Σa Σb are those of Σa^½ Σb Σa^½, which is symmetric: no complex or negative numbers.
    root = _root(covariance_a)
    cross = np.sqrt(np.linalg.eigvalsh(root @ covariance_b @ root).clip(min=0)).sum()
    return max(0.0, means + float(np.trace(covariance_a) + np.trace(covariance_b) - 2 * cross))


def _root(matrix: Floats) -> Floats:
    """The square root of a symmetric positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root


def squared_mmd(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy of (N, D) and (M, D) vectors, N, M > 1.

    The kernel is (x·y / D + 1)³. The estimate's expectation is 0 for two samples of one distribution, so it can
    be negative.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * float(_kernel(x, y).mean())


def _mean_of_pairs(x: Floats) -> float:
    """The mean of the kernel over all pairs of different vectors."""
    itself = (np.square(x).sum(axis=1) / x.shape[1] + 1) ** 3
    return float((_kernel(x, x).sum() - itself.sum()) / (len(x) * (len(x) - 1)))


def _kernel(a: Floats, b: Floats) -> Floats:
    values: Floats = (a @ b.T / a.shape[1] + 1) ** 3
    return values


def squared_mmds(
    a: NDArray[np.floating], b: NDArray[np.floating], subsets: int, size: int, rng: np.random.Generator
) -> Iterator[float]:
    """The estimate on each of several random subsets of `size` vectors of either side, drawn without replacement."""
    for _ in range(subsets):
        yield squared_mmd(a[rng.permutation(len(a))[:size]], b[rng.permutation(len(b))[:size]])
