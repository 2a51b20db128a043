"""Groups of observations that share one factor, as the InfoGAN-CR authors draw them."""

import numpy as np

from harness import Evaluation, Indices

GROUPS = 500
GROUP_SIZE = 100


def infogan_cr_groups(evaluation: Evaluation) -> tuple[Indices, Indices]:
    """500 groups of 100 observations; group g fixes factor g mod F at one random level.

    The fixed arrays `group_index` and `group_label` replace them where an evaluation has both.

    Returns:
        Grid indices (groups, size) and the factor that each group fixes (groups,).
    """
    fixed, grid = evaluation.fixed, evaluation.grid()
    if "group_index" in fixed and "group_label" in fixed:
        return fixed["group_index"], fixed["group_label"].astype(np.int64)
    labels = np.arange(GROUPS) % len(grid.sizes)
    return grid.sample_groups(labels, GROUP_SIZE, evaluation.rng("infogan-cr", "groups")), labels


def infogan_cr_std_points(evaluation: Evaluation) -> Indices:
    """A tenth of the grid, without repetition, over which codes' deviations are taken; or `std_index`."""
    if (fixed := evaluation.fixed.get("std_index")) is not None:
        return fixed
    n = len(evaluation.grid())
    points: Indices = evaluation.rng("infogan-cr", "std").permutation(n)[: max(n // 10, 2)]
    return points
