"""Observations with known factors that are no complete grid."""

from collections.abc import Sequence
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import NotApplicableError
from harness.factors import FactorGrid, Indices
from harness.seeds import numpy_rng

INTERVALS = 20
"""Levels of a continuous factor, as in the metrics of InfoGAN-CR's authors."""
MOST_ALONE = 0.5
"""Share of observations that may be the only ones at their level where groups that share a level are drawn."""


class FactorTable(FactorGrid):
    """N observations of F factors, one row of levels each; a combination may be missing or exist many times.

    It stands where a `FactorGrid` does: observations are sampled uniformly from the table, and a group that
    shares a factor is drawn from the observations at one level of it. Where levels are intervals of a
    continuous factor, such a group shares the interval rather than the value.

    Attributes:
        levels: int64 (N, F).
        exact: the real values of continuous factors, (N, F); without them an observation has those of its levels.
    """

    def __init__(
        self,
        names: Sequence[str],
        sizes: Sequence[int],
        values: Sequence[ArrayLike],
        categorical: Sequence[bool],
        levels: Indices,
        exact: NDArray[np.float64] | None = None,
        level_names: Sequence[Sequence[str]] = (),
    ) -> None:
        super().__init__(names, sizes, values, categorical, level_names)
        object.__setattr__(self, "levels", np.asarray(levels, dtype=np.int64))
        object.__setattr__(self, "exact", exact)

    levels: Indices
    exact: NDArray[np.float64] | None

    @classmethod
    def of_continuous(cls, names: Sequence[str], values: NDArray[np.float64]) -> "FactorTable":
        """A table of continuous factors (N, F): each is cut into 20 intervals of equal width over its range.

        The value of a level is the middle of its interval.
        """
        cut = [intervals(column) for column in values.T]
        levels, middles = np.stack([levels for levels, _ in cut], axis=1), [middles for _, middles in cut]
        count = len(names)
        return cls(names, (INTERVALS,) * count, middles, (False,) * count, levels, values)

    @cached_property
    def _by_level(self) -> list[tuple[Indices, Indices]]:
        """For each factor the observations ordered by level, and where each level begins."""
        order = [np.argsort(column, kind="stable") for column in self.levels.T]
        return [
            (rows, np.searchsorted(column[rows], np.arange(size + 1)))
            for column, rows, size in zip(self.levels.T, order, self.sizes, strict=True)
        ]

    @cached_property
    def _combinations(self) -> tuple[Indices, Indices]:
        """The combinations of levels that exist, numbered and in order, and the observation that has each."""
        keys = super().indices(self.levels)
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def __len__(self) -> int:
        return len(self.levels)

    def ids(self, indices: ArrayLike) -> Indices:
        """Observations (...) to the level of each factor (..., F)."""
        return self.levels[np.asarray(indices, dtype=np.int64)]

    def indices(self, ids: ArrayLike) -> Indices:
        """Levels (..., F) to an observation with them (...).

        Where several have them, each place gets one of those at random; the same array always gets the same.

        Raises:
            NotApplicableError: there is no such observation.
        """
        keys, observations = self._combinations
        wanted = super().indices(ids)
        begins, ends = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
        if (begins == ends).any():
            raise NotApplicableError("the dataset has no image of some combination of factors")
        # The seed depends on the whole array, so that the two sides of pairs are chosen independently.
        rng = numpy_rng("factor table", crc32(np.asarray(wanted).tobytes()))
        return observations[begins + (rng.random(np.shape(wanted)) * (ends - begins)).astype(np.int64)]

    def real_values(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Observations (n,) to the real value of each factor (n, F)."""
        if self.exact is None:
            return super().real_values(indices)
        return self.exact[np.asarray(indices, dtype=np.int64)]

    def traversal(self, factor: int, steps: int) -> Indices:
        """At most `steps` observations along which one factor goes through its range, the others near the middle.

        Each is the observation that comes closest, in shares of each factor's range.
        """
        values = self.real_values(np.arange(len(self)))
        low, high = values.min(axis=0), values.max(axis=0)
        shares = (values - low) / np.where(high > low, high - low, 1)
        middle = np.array([(size // 2) / max(size - 1, 1) for size in self.sizes])
        steps = min(steps, self.sizes[factor])
        chosen = []
        for share in np.linspace(0, 1, steps):
            distance = np.square(shares - middle)
            # The factor that the traversal is about counts four times as much as another.
            distance[:, factor] = np.square(4 * (shares[:, factor] - share))
            chosen.append(int(distance.sum(axis=1).argmin()))
        return np.array(chosen, dtype=np.int64)

    def sample_ids(self, shape: Sequence[int], rng: np.random.Generator) -> Indices:
        """The levels of independent observations, shape (*shape, F)."""
        return self.ids(rng.integers(0, len(self), size=shape))

    def sample_groups(self, labels: Indices, size: int, rng: np.random.Generator) -> Indices:
        """Groups of observations at one level of a factor, the level being that of a random observation.

        labels (G,) names the factor that each group shares; returns observations (G, size).

        Raises:
            NotApplicableError: more than half of the observations share a factor's level with no other one, so
                that a group would show a single observation again and again.
        """
        self._require_groups(np.unique(labels))
        groups = np.empty((len(labels), size), dtype=np.int64)
        leaders = self.sample_ids((len(labels),), rng)
        for factor, (rows, begins) in enumerate(self._by_level):
            chosen = np.flatnonzero(labels == factor)
            level = leaders[chosen, factor]
            low, high = begins[level][:, None], begins[level + 1][:, None]
            groups[chosen] = rows[rng.integers(low, high, size=(len(chosen), size))]
        return groups

    def _require_groups(self, factors: Indices) -> None:
        for factor in factors:
            sizes = np.diff(self._by_level[factor][1])
            if (alone := int((sizes == 1).sum())) > len(self) * MOST_ALONE:
                raise NotApplicableError(
                    f"{alone} of {len(self)} observations share their level of {self.names[factor]} with no other, and "
                    f"the metric compares observations that share one"
                )


def intervals(column: NDArray[np.float64]) -> tuple[Indices, NDArray[np.float64]]:
    """Cut the range of real numbers (N,) into 20 intervals of equal width: the interval of each, and their middles."""
    low, high = column.min(), column.max()
    width = (high - low) / INTERVALS if high > low else 1.0
    levels = ((column - low) / width).astype(np.int64).clip(max=INTERVALS - 1)
    return levels, low + width * (np.arange(INTERVALS) + 0.5)
