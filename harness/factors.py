"""A complete grid of ground-truth factors, and index arithmetic on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class FactorGrid:
    """Every combination of F discrete factors, numbered in C order (the last factor varies fastest).

    Attributes:
        names: F names.
        sizes: F numbers of levels.
        values: the real value of each level, F arrays of (size,); by default 0, 1, 2, ...
        categorical: for each factor whether its levels have no order; by default none is.
        level_names: what people call the levels of each factor, F sequences; empty for a factor of numbers.
    """

    names: Sequence[str]
    sizes: Sequence[int]
    values: Sequence[ArrayLike] = ()
    categorical: Sequence[bool] = ()
    level_names: Sequence[Sequence[str]] = ()
    _bases: Indices = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes = np.asarray(self.sizes, dtype=np.int64)
        bases = np.append(np.cumprod(sizes[:0:-1])[::-1], 1)
        object.__setattr__(self, "_bases", bases.astype(np.int64))
        object.__setattr__(self, "values", [np.asarray(v, float) for v in self.values] or [np.arange(n) for n in sizes])
        object.__setattr__(self, "categorical", tuple(self.categorical) or (False,) * len(sizes))
        object.__setattr__(self, "level_names", tuple(self.level_names) or ((),) * len(sizes))

    def __len__(self) -> int:
        return int(np.prod(np.asarray(self.sizes, dtype=np.int64)))

    def ids(self, indices: ArrayLike) -> Indices:
        """Convert grid indices (...) to the level of each factor (..., F)."""
        found: Indices = np.asarray(indices, dtype=np.int64)[..., None] // self._bases % np.asarray(self.sizes)
        return found

    def indices(self, ids: ArrayLike) -> Indices:
        """Convert levels (..., F) to grid indices (...)."""
        return np.asarray(ids, dtype=np.int64) @ self._bases

    def real_values(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Convert grid indices (n,) to the real value of each factor (n, F)."""
        ids = self.ids(indices)
        return np.stack([np.asarray(v)[ids[..., f]] for f, v in enumerate(self.values)], axis=-1)

    def traversal(self, factor: int, steps: int) -> Indices:
        """At most `steps` grid indices along which one factor goes through its range, the others in their middle."""
        size = self.sizes[factor]
        levels = np.unique(np.linspace(0, size - 1, min(steps, size)).round().astype(np.int64))
        ids = np.tile(np.asarray(self.sizes, dtype=np.int64) // 2, (len(levels), 1))
        ids[:, factor] = levels
        return self.indices(ids)

    def sample_ids(self, shape: Sequence[int], rng: np.random.Generator) -> Indices:
        """Draw independent uniform levels, (*shape, F)."""
        return rng.integers(0, self.sizes, size=(*shape, len(self.sizes)), dtype=np.int64)

    def sample_groups(self, labels: Indices, size: int, rng: np.random.Generator) -> Indices:
        """Draw groups of observations that share one factor, whose level is drawn once per group.

        `labels` (G,) names the factor that each group fixes; returns grid indices (G, size).
        """
        ids = self.sample_ids((len(labels), size), rng)
        groups = np.arange(len(labels))
        ids[groups, :, labels] = ids[groups, :1, labels]
        return self.indices(ids)
