"""The best settings of a leaderboard's column: the one with the best mean, and all that cannot be told from it."""

from collections.abc import Mapping, Sequence

import numpy as np

from harness.summary.statistics import LEVEL, holm, paired_p_values, unpaired_p_value

ScoreBySeed = Mapping[int, float]
"""The scores of a setting by seed."""


def best_settings(settings: Sequence[ScoreBySeed], *, higher_is_better: bool) -> list[bool]:
    """Which settings are the best, as far as their seeds tell.

    The setting with the best mean is compared with each other one by a t test, paired by the seeds that both have (or
    Welch's, if they share fewer than two), corrected for all of these comparisons (Holm). What does not differ at the
    5 % level is marked beside it. Nothing is marked where one setting alone has scores or the best mean is of a single
    seed, and no setting of a single seed is: one seed tells nothing.

    Args:
        settings: the scores of each setting by seed; empty where it has none.
        higher_is_better: whether larger scores are better.
    """
    marked = [False] * len(settings)
    means = {position: float(np.mean(list(scores.values()))) for position, scores in enumerate(settings) if scores}
    if len(means) < 2:
        return marked
    best = (max if higher_is_better else min)(means, key=means.__getitem__)
    if len(settings[best]) < 2:
        return marked
    others = [position for position in means if position != best and len(settings[position]) > 1]
    for position, p in zip(
        others, holm(_p_values([settings[position] for position in others], settings[best])), strict=True
    ):
        marked[position] = p is not None and p > 1 - LEVEL
    marked[best] = True
    return marked


def _p_values(settings: Sequence[ScoreBySeed], best: ScoreBySeed) -> list[float]:
    """The p value of each setting's difference from the best; those with the same seeds are computed at once."""
    found = [0.0] * len(settings)
    by_seeds: dict[tuple[int, ...], list[int]] = {}
    for position, scores in enumerate(settings):
        by_seeds.setdefault(tuple(sorted(scores.keys() & best.keys())), []).append(position)
    for seeds, positions in by_seeds.items():
        if len(seeds) > 1:
            table = [[settings[position][seed] for seed in seeds] for position in positions]
            p = paired_p_values(table, [best[seed] for seed in seeds])
        else:
            p = [unpaired_p_value(list(settings[position].values()), list(best.values())) for position in positions]
        for position, value in zip(positions, p, strict=True):
            found[position] = value
    return found
