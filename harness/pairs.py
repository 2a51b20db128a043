"""Pairs of images that share most of their factors: how a model that learns from pairs wants them drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.factors import FactorGrid, Indices


class Pairs:
    """Base class of the ways in which partners are drawn. A model sets one as `self.pairs`.

    It is then trained on batches of 2N images: N, and then the partner of each. Partners are the images of levels
    that `partners` draws; where some images are not trained on, it is asked again for those that would get one.
    """

    def partners(self, factors: FactorGrid, levels: Indices, rng: np.random.Generator) -> Indices:
        """Levels (N, F) of a partner for each image of levels (N, F)."""
        raise NotImplementedError(f"{type(self).__name__} must draw partners")


@dataclass(frozen=True)
class ResampledFactors(Pairs):
    """A partner has the factors of its image, but for some that are drawn anew, each uniformly.

    As in Locatello et al. (2020, arXiv:2002.02886, section 5): a factor may come out as it was, so that fewer differ.

    Attributes:
        count: how many factors are drawn anew, at most as many as there are. 0: another number for each pair, with
            probability 1/2 one, and otherwise any from 1 to one less than there are (the paper's random k, as its
            authors' code draws it).
    """

    count: int = 1

    def partners(self, factors: FactorGrid, levels: Indices, rng: np.random.Generator) -> Indices:
        """Levels (N, F) of a partner for each image of levels (N, F)."""
        n, f = levels.shape
        if self.count:
            counts = np.full(n, min(self.count, f))
        else:
            counts = np.where(rng.random(n) < 0.5, 1, rng.integers(1, max(f, 2), size=n))
        places = rng.random((n, f)).argsort(axis=1).argsort(axis=1)
        return np.where(places < counts[:, None], factors.sample_ids((n,), rng), levels)


@dataclass(frozen=True)
class LaplaceSteps(Pairs):
    """A partner's levels are a few steps from its image's: p(b) is proportional to exp(-rate |a - b| / log(size)).

    As the code of Klindt et al. (2021, arXiv:2007.10930) has it: factors whose levels have no order stay as they are,
    and where no other has changed, one is drawn that does. Which factors those are, the dataset says; the authors have
    MPI3D's colours and SmallNORB's lighting change, too.

    Attributes:
        rate: the larger, the shorter the steps; 1 in the paper.
    """

    rate: float = 1.0

    def partners(self, factors: FactorGrid, levels: Indices, rng: np.random.Generator) -> Indices:
        """Levels (N, F) of a partner for each image of levels (N, F)."""
        moving = [f for f, size in enumerate(factors.sizes) if size > 1 and not factors.categorical[f]]
        found = levels.copy()
        for f in moving:
            found[:, f] = _drawn(self._steps(factors.sizes[f])[levels[:, f]], rng)
        chosen = rng.integers(len(moving), size=len(levels)) if moving else np.zeros(len(levels), dtype=np.int64)
        still = (found == levels).all(axis=1)
        for place, f in enumerate(moving):
            rows = np.flatnonzero(still & (chosen == place))
            weights = self._steps(factors.sizes[f])
            np.fill_diagonal(weights, 0)
            found[rows, f] = _drawn(weights[levels[rows, f]], rng)
        return found

    def _steps(self, size: int) -> NDArray[np.float64]:
        """How likely each level (columns) follows each level (rows), in proportion."""
        level = np.arange(size)
        weights: NDArray[np.float64] = np.exp(-self.rate * abs(level[:, None] - level) / np.log(size))
        return weights


def _drawn(weights: NDArray[np.float64], rng: np.random.Generator) -> Indices:
    """A column for each row of weights (n, size), in proportion to them, (n,)."""
    reached = weights.cumsum(axis=1)
    columns: Indices = (rng.random((len(weights), 1)) * reached[:, -1:] >= reached).sum(axis=1)
    return columns
