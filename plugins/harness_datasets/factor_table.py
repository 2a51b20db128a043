"""Observations with known factors that are no complete grid."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

from harness.errors import NotApplicableError
from harness.factors import FactorGrid, Indices
from harness.seeds import numpy_rng


class FactorTable(FactorGrid):
    """N observations of F factors, one row of levels each; a combination may be missing or exist many times.

    It stands where a `FactorGrid` does: observations are sampled uniformly from the table, and a group that
    shares a factor is drawn from the observations at one level of it. Where levels are intervals of a
    continuous factor, such a group shares the interval rather than the value.

    Attributes:
        levels: int64 (N, F).
    """

    def __init__(
        self,
        names: Sequence[str],
        sizes: Sequence[int],
        values: Sequence[ArrayLike],
        categorical: Sequence[bool],
        levels: Indices,
    ) -> None:
        super().__init__(names, sizes, values, categorical)
        object.__setattr__(self, "levels", np.asarray(levels, dtype=np.int64))
        # For each factor the observations ordered by level, and where each level begins.
        order = [np.argsort(column, kind="stable") for column in self.levels.T]
        begins = [
            np.searchsorted(column[rows], np.arange(size + 1))
            for column, rows, size in zip(self.levels.T, order, sizes, strict=True)
        ]
        object.__setattr__(self, "_by_level", list(zip(order, begins, strict=True)))
        keys = super().indices(self.levels)
        by_combination = np.argsort(keys, kind="stable")
        object.__setattr__(self, "_combinations", (keys[by_combination], by_combination))

    levels: Indices
    _by_level: list[tuple[Indices, Indices]]
    _combinations: tuple[Indices, Indices]

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

    def sample_ids(self, shape: Sequence[int], rng: np.random.Generator) -> Indices:
        """The levels of independent observations, shape (*shape, F)."""
        return self.ids(rng.integers(0, len(self), size=shape))

    def sample(self, n: int, rng: np.random.Generator) -> Indices:
        """n observations, uniform with replacement."""
        return rng.integers(0, len(self), size=n)

    def sample_groups(self, labels: Indices, size: int, rng: np.random.Generator) -> Indices:
        """Groups of observations at one level of a factor, the level being that of a random observation.

        labels (G,) names the factor that each group shares; returns observations (G, size).
        """
        groups = np.empty((len(labels), size), dtype=np.int64)
        leaders = self.sample_ids((len(labels),), rng)
        for group, factor in enumerate(labels):
            rows, begins = self._by_level[factor]
            level = leaders[group, factor]
            groups[group] = rows[rng.integers(begins[level], begins[level + 1], size=size)]
        return groups
