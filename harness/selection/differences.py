"""Selectors against each other: differences of their regret over the same resampled pools."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from harness.selection.judge import ComparedPool
from harness.typing import Floats

RANDOM = "(random choice)"
"""What every selector is compared with: the regret that is expected of a choice at random."""


@dataclass(frozen=True)
class JudgedPool:
    """A pool as a selector has compared it, beside the ground truth.

    Attributes:
        selector: its name.
        settings: its settings, JSON text.
        pool: the compared trials.
        value: (M,) ground-truth scores, larger is better.
    """

    selector: str
    settings: str
    pool: ComparedPool
    value: Floats

    @property
    def regret(self) -> float:
        """The distance from the best score of the pool to that of the chosen trial, or the mean of those that tie."""
        return float(self.value.max() - self.value[self.pool.chosen].mean())

    def resampled_regrets(self, size: int) -> Floats:
        """The regret in each of `size` resampled pools, (size,); NaN where nothing is chosen."""
        resampled = self.pool.resampled
        best = np.where(resampled.members, self.value, -np.inf).max(axis=1)
        regrets = np.full(size, np.nan)
        regrets[resampled.numbers] = best - resampled.of_choice(self.value)
        return regrets

    def expected_at_random(self, size: int) -> tuple[float, Floats]:
        """The regret that is expected of a choice at random: in the pool, and in each resampled one (size,)."""
        members = self.pool.resampled.members
        means = np.where(members, self.value, 0).sum(axis=1) / members.sum(axis=1)
        regrets = np.full(size, np.nan)
        regrets[self.pool.resampled.numbers] = np.where(members, self.value, -np.inf).max(axis=1) - means
        return float(self.value.max() - self.value.mean()), regrets


def regret_differences(judged: Sequence[JudgedPool], resamples: int) -> Iterator[dict[str, Any]]:
    """Compare selectors of the same trials by one metric: each with a random choice, then each pair.

    Args:
        judged: of one pool and metric; selectors that are not complete have no resampled pools and are left out.
        resamples: how many pools each was judged on.

    Yields:
        The columns of `harness.results.schema.SELECTOR_DIFFERENCES` from pool_size on.
    """
    usable = [each for each in judged if len(each.pool.resampled.numbers)]
    for each in usable:
        expected, at_random = each.expected_at_random(resamples)
        found = _difference(each.regret - expected, each.resampled_regrets(resamples) - at_random)
        yield {**_names(each), "other": RANDOM, "other_settings": "{}", **found}
    for one, other in combinations(usable, 2):
        if one.pool.trials != other.pool.trials:  # Theirs are other pools.
            continue
        found = _difference(
            one.regret - other.regret, one.resampled_regrets(resamples) - other.resampled_regrets(resamples)
        )
        yield {**_names(one), "other": other.selector, "other_settings": other.settings, **found}


def _names(judged: JudgedPool) -> dict[str, Any]:
    return {
        "pool_size": len(judged.value),
        "selector": judged.selector,
        "selector_settings": judged.settings,
    }


def _difference(difference: float, resampled: Floats) -> dict[str, Any]:
    """A difference of regrets, with its 95 % interval and how often it is one for the better."""
    known = resampled[~np.isnan(resampled)]
    low, high = np.quantile(known, [0.025, 0.975])
    return {
        "difference": difference,
        "low": float(low),
        "high": float(high),
        "better": float(np.mean((known < 0) + 0.5 * (known == 0))),
    }
