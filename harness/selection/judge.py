"""Judging one selector on one pool: is the model chosen without labels the one that labels would have chosen?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.seeds import numpy_rng
from harness.selection import guard
from harness.selector import Selector
from harness.typing import Floats

RESAMPLES = 1000

TIE = 1e-12
"""Scores whose relative difference is below this tie: they are equal but for rounding."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ResampledPools:
    """R pools drawn from the M trials of a pool with replacement; a trial drawn twice counts once.

    Pools in which no trial has a score, so that nothing is chosen, are left out.

    Attributes:
        members: which trials each pool has, (R, M).
        scores: the selector's scores within each pool, (R, M); NaN for a trial without one.
        numbers: which of all that were drawn each is, (R,), the same pool for every selector of the same trials.
    """

    members: NDArray[np.bool_]
    scores: Floats
    numbers: Integers

    @cached_property
    def largest(self) -> NDArray[np.bool_]:
        """Which trials have the largest score of each pool, (R, M)."""
        return largest(self.scores)

    def of_choice(self, value: Floats) -> Floats:
        """What a choice from each pool is worth, (R,), by values (M,); the mean where several trials tie."""
        means: Floats = np.where(self.largest, value, 0).sum(axis=1) / self.largest.sum(axis=1)
        return means

    @cached_property
    def ranks(self) -> Floats:
        """Ranks of the scores within each pool, (R, M)."""
        return _ranks(self.scores)


@dataclass(frozen=True)
class ComparedPool:
    """The trials of a pool as a selector has compared them.

    Attributes:
        selector: which makes scores of comparisons; its errors are `SelectorError`s.
        trials: M identities.
        comparisons: (M, M), entry [i, j] comparing trial i with trial j; or (M,) of a `PointwiseSelector`.
    """

    selector: Selector
    trials: list[str]
    comparisons: Floats

    def among(self, members: Sequence[str]) -> "ComparedPool":
        """The same comparison of some of the trials, in the order given."""
        place = {trial: number for number, trial in enumerate(self.trials)}
        where = np.array([place[member] for member in members], dtype=np.int64)
        return replace(self, trials=list(members), comparisons=self._among(where))

    def _among(self, where: Integers) -> Floats:
        """The comparisons of trials at some places with each other."""
        return self.comparisons[where] if self.comparisons.ndim == 1 else self.comparisons[np.ix_(where, where)]

    @property
    def cross_evaluations(self) -> int:
        """How many of the entries [i, j] there are."""
        return int(np.isfinite(self.comparisons).sum())

    @cached_property
    def scores(self) -> Floats:
        """The selector's scores, (M,); NaN for a trial without one."""
        return guard.scores(self.selector, self.comparisons)

    @cached_property
    def chosen(self) -> list[int]:
        """The places of the trials with the largest score: one, several that tie, or none if none has a score."""
        return [] if np.isnan(self.scores).all() else np.flatnonzero(largest(self.scores)).tolist()

    @cached_property
    def resampled(self) -> ResampledPools:
        """Resampled pools, the same for every complete selector; a pool of one leaves no choice.

        There are none of an incomplete selector, which would have compared other pairs in each.
        """
        total, resamples = len(self.trials), RESAMPLES if self.selector.complete else 0
        drawn = numpy_rng("resampled pools", *self.trials).integers(total, size=(resamples, total))
        members = np.zeros((resamples, total), dtype=bool)
        np.put_along_axis(members, drawn, values=True, axis=1)
        scores = np.full((resamples, total), np.nan)
        for row, inside in zip(scores, members, strict=True):
            where = np.flatnonzero(inside)
            row[where] = guard.scores(self.selector, self._among(where)) if len(where) > 1 else 0
        usable = ~np.isnan(scores).all(axis=1)
        members, scores = members[usable], scores[usable]
        return ResampledPools(members, scores, np.flatnonzero(usable))


def largest(scores: Floats) -> NDArray[np.bool_]:
    """Which scores are the largest along the last axis, of which some are numbers; they tie within rounding."""
    most = np.nanmax(scores, axis=-1, keepdims=True)
    found: NDArray[np.bool_] = np.isclose(scores, most, rtol=TIE, atol=0)
    return found


def judge(pool: ComparedPool, truth: Floats, sign: float = 1.0) -> dict[str, Any]:
    """Compare a selector's choice with the ground truth.

    A selector whose largest score several trials share has not told them apart, so its choice is one of them at
    random: what is judged is the mean over them.

    Args:
        pool: two compared trials or more, one of which has a score.
        truth: (M,) ground-truth scores of the pool.
        sign: 1 if larger truth is better, -1 if smaller.

    Returns:
        The columns of `harness.results.schema.SELECTIONS` from pool_size on, less `chosen`. Intervals are 95 %
        bootstrap intervals over pools resampled from the trials; null of a selector that is not complete. They are
        too short: in simulated pools of 10 to 100 trials they hold the expected regret in 75 to 91 %.

    Raises:
        SelectorError: the selector cannot score the pool, or one that is resampled from it.
    """
    chosen, resampled = pool.chosen, pool.resampled
    value = sign * truth
    best = np.where(resampled.members, value, -np.inf).max(axis=1)
    return {
        "pool_size": len(truth),
        "cross_evaluations": pool.cross_evaluations,
        "trial": pool.trials[chosen[0]],
        "tied": len(chosen),
        "score": truth[chosen].mean(),
        **_interval("score", resampled.of_choice(truth)),
        "mean": truth.mean(),
        "best": sign * value.max(),
        "regret": value.max() - value[chosen].mean(),
        **_interval("regret", best - resampled.of_choice(value)),
        "rank_correlation": rank_correlation(pool.scores, value),
        **_interval("rank_correlation", _rank_correlations(resampled, value)),
        "beats_random": np.mean([_share_beaten(value, place) for place in chosen]),
    }


def _share_beaten(value: Floats, place: int) -> float:
    """The share of the other trials that the one at a place beats; ties count half."""
    others = np.delete(value, place)
    return float(np.mean((value[place] > others) + 0.5 * (value[place] == others)))


def rank_correlation(scores: Floats, truth: Floats) -> float | None:
    """Spearman's rank correlation over the models that have both scores; None if one of the two is constant."""
    found = _correlations(_ranks(scores[None]), _ranks(np.where(np.isnan(scores), np.nan, truth)[None]))
    return float(found[0]) if np.isfinite(found[0]) else None


def _rank_correlations(pools: ResampledPools, value: Floats) -> Floats:
    """Spearman's rank correlation in each resampled pool where neither side is constant."""
    found = _correlations(pools.ranks, _ranks(np.where(np.isnan(pools.scores), np.nan, value)))
    return found[np.isfinite(found)]


def _ranks(rows: Floats) -> Floats:
    """Ranks along each row, ties sharing their mean rank; NaN stays NaN."""
    return pd.DataFrame(rows).rank(axis=1).to_numpy()


def _correlations(first: Floats, second: Floats) -> Floats:
    """Pearson's correlation of each row with its partner where both are numbers; NaN where a side is constant."""
    a, b = _centred(first), _centred(second)
    variances = (a**2).sum(axis=1) * (b**2).sum(axis=1)
    correlations = np.full(len(a), np.nan)
    np.divide((a * b).sum(axis=1), np.sqrt(variances), out=correlations, where=variances > 0)
    return correlations


def _centred(rows: Floats) -> Floats:
    """Subtract from each row the mean of its numbers; what is NaN becomes 0."""
    known = ~np.isnan(rows)
    filled = np.where(known, rows, 0)
    means = filled.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known, rows - means[:, None], 0)


def _interval(name: str, values: Floats) -> dict[str, float | None]:
    """The 95 % interval of a column, as the two columns beside it."""
    low, high = np.quantile(values, [0.025, 0.975]) if len(values) else (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
