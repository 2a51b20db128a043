"""Mutual information of a continuous code and a discrete factor, from distances to nearest neighbours.

scikit-learn's `mutual_info_classif` for one code, by sorting instead of trees: the same numbers, many times faster.

Source: Ross 2014, Mutual Information between Discrete and Continuous Data Sets.
"""

import numpy as np
from scipy.special import digamma

from harness import Floats, Indices

NOISE = 1e-10
"""Of a code with deviation 1, to tell equal values apart; as in scikit-learn and in Kraskov et al. (2004)."""


def neighbour_information(code: Floats, levels: Indices, neighbours: int, rng: np.random.Generator) -> float:
    """Information in nats of one code (n,) with the levels (n,) of a factor, at least 0.

    For each observation, the distance to its k-th nearest neighbour of the same level, and the number of all
    observations nearer than that. An observation that is alone at its level is left out; a dead code, and one of
    lonely observations only, has no information.
    """
    counts = np.bincount(levels)
    kept = counts[levels] > 1
    if not kept.any() or np.ptp(code) == 0:
        return 0.0
    values = (code - code.mean()) / code.std()
    values = (values + NOISE * rng.standard_normal(len(values)))[kept]
    levels = levels[kept]
    radii, ranks = np.zeros(len(values)), np.zeros(len(values))
    for level in np.flatnonzero(counts > 1):
        members = np.flatnonzero(levels == level)
        k = min(neighbours, len(members) - 1)
        radii[members], ranks[members] = kth_distances(values[members], k), k
    nearer = count_nearer(values, radii)
    estimate = digamma(len(values)) + np.mean(digamma(ranks) - digamma(counts[levels]) - digamma(nearer))
    return max(0.0, float(estimate))


def kth_distances(values: Floats, k: int) -> Floats:
    """The distance (n,) of each of the values (n,) to its k-th nearest neighbour, k < n."""
    order = np.argsort(values)
    ordered = values[order]
    nearest = np.full(len(values), np.inf)
    # Of a value and its k nearest neighbours, some number lies below it and the others above.
    for below in range(k + 1):
        first, last = slice(0, len(values) - k), slice(k, len(values))
        middle = slice(below, len(values) - k + below)
        reach = np.maximum(ordered[middle] - ordered[first], ordered[last] - ordered[middle])
        nearest[middle] = np.minimum(nearest[middle], reach)
    distances = np.empty_like(nearest)
    distances[order] = nearest
    return distances


def count_nearer(values: Floats, radii: Floats) -> Indices:
    """How many of the values (n,) are nearer to each of them than its radius (n,) > 0, itself among them."""
    ordered = np.sort(values)
    low = np.searchsorted(ordered, values - radii, side="right")
    high = np.searchsorted(ordered, values + radii, side="left")
    # Sums are rounded where distances are not, so that a value at the very radius may lie on either side.
    low -= (low > 0) & (values - ordered[np.maximum(low - 1, 0)] < radii)
    low += values - ordered[np.minimum(low, len(ordered) - 1)] >= radii
    high += (high < len(ordered)) & (ordered[np.minimum(high, len(ordered) - 1)] - values < radii)
    high -= ordered[high - 1] - values >= radii
    counts: Indices = high - low
    return counts
