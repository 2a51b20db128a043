"""The d-variable Hilbert-Schmidt independence criterion (dHSIC): do codes vary independently of each other?"""

import numpy as np
from scipy.spatial.distance import cdist

from harness import Evaluation, Field, Floats, Metric, Score, Settings

CHUNK = 500
"""Observations whose distances from all others are in memory at once."""
APART = 1e4
"""A distance at which the kernel is 0 in double precision."""


class DHSIC(Metric):
    """dHSIC of the codes, as the authors of InfoGAN-CR measure it: 0 where they are independent; lower is better.

    The distance, in a kernel's feature space, between the joint distribution of all codes and the product of their
    own distributions: the mean of products of kernels, plus the product of their means, minus twice the mean of
    products of their row means, over all pairs of 5,000 different observations. The kernel of a code is
    exp(-|d| / h^2), h being the median of |d| over all pairs, those of an observation with itself included. The
    distance is not squared, so the value depends on the unit of the codes, which for a squared one it would not.

    A dead code is independent of all others and changes nothing. Where half of all pairs of a code are equal, h is
    0 and the kernel its limit: 1 for equal codes and 0 for others. A single code, or a single observation, has
    nothing to depend on and scores 0.
    """

    class Config(Settings):
        points: int = Field(5_000, gt=0, description="observations, none twice; all if there are fewer")

    source = "Pfister et al. 2018, arXiv:1603.00285, with the kernel of Lin et al. 2020, arXiv:1906.06034"
    needs = ("encode",)
    higher_is_better = False
    range = (0, 2)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """dHSIC; details hold its three means and the bandwidth h of each code, (D,)."""
        n = min(self.config.points, evaluation.size)
        index = evaluation.rng("dhsic").choice(evaluation.size, size=n, replace=False)
        codes = evaluation.codes(index).astype(np.float64)
        bandwidths = np.array([median_distance(column) for column in codes.T])
        scaled = _in_kernel_units(codes, bandwidths)
        # A product of such kernels is the kernel of the sum of distances.
        parts = (scaled[start : start + CHUNK] for start in range(0, n, CHUNK))
        joint = sum(float(np.exp(-cdist(part, scaled, "cityblock")).sum()) for part in parts) / n**2
        row_means = kernel_row_means(scaled)
        product = float(row_means.mean(axis=0).prod())
        cross = float(row_means.prod(axis=1).mean())
        details = {"joint": joint, "product": product, "cross": cross, "bandwidths": bandwidths.tolist()}
        return Score(joint + product - 2 * cross, details)


def median_distance(values: Floats) -> float:
    """The median of |a - b| over all n^2 pairs of n values, found without making the pairs."""
    ordered = np.sort(values)
    pairs = len(values) ** 2

    def at_most(distance: float) -> int:
        """How many pairs are no further apart."""
        within = int(np.searchsorted(ordered, ordered + distance, side="right").sum())
        # Of the pairs (a, b) that are further apart, as many have a < b as have a > b.
        return pairs - 2 * (pairs - within)

    def smallest(rank: int) -> float:
        """The distance of this rank, between bounds that close in until no number lies between them."""
        if at_most(0.0) >= rank:
            return 0.0
        low, high = 0.0, float(ordered[-1] - ordered[0])
        while low < (middle := (low + high) / 2) < high:
            low, high = (low, middle) if at_most(middle) >= rank else (middle, high)
        return high

    return (smallest((pairs + 1) // 2) + smallest(pairs // 2 + 1)) / 2


def _in_kernel_units(codes: Floats, bandwidths: Floats) -> Floats:
    """Codes (n, D) whose distances d have the kernel exp(-d)."""
    levels = [np.unique(column, return_inverse=True)[1] for column in codes.T]
    columns = [
        column / bandwidth**2 if bandwidth > 0 else APART * level
        for column, level, bandwidth in zip(codes.T, levels, bandwidths, strict=True)
    ]
    return np.stack(columns, axis=1)


def kernel_row_means(values: Floats) -> Floats:
    """The mean (n, D) over b of exp(-|a - b|), for each a of the values (n, D) of each column."""
    order = values.argsort(axis=0)
    decay = np.exp(-np.diff(np.take_along_axis(values, order, axis=0), axis=0))
    # What lies below a value decays from one value to the next, and what lies above it in the same way.
    below, above = np.zeros_like(values), np.zeros_like(values)
    for row in range(1, len(values)):
        below[row] = (below[row - 1] + 1) * decay[row - 1]
        above[-row - 1] = (above[-row] + 1) * decay[-row]
    means = np.empty_like(values)
    np.put_along_axis(means, order, (below + 1 + above) / len(values), axis=0)
    return means
