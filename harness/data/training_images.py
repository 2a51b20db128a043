"""Which images of a dataset with factors models are trained on, and how often: a suite's `[dataset.training]`."""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from harness.config import Field, Settings
from harness.errors import UserError, nearest
from harness.factors import FactorGrid

Levels = NDArray[np.int64]


class Correlation(Settings):
    """A pair of factors that go together in training: p(a, b) is proportional to exp(-(a - b)^2 / (2 sigma^2)).

    a and b are the factors' levels, each scaled to 0 ... 1 (Träuble et al. 2021, section 3).
    """

    factors: tuple[str, str] = Field(description="the two factors")
    sigma: float = Field(
        0.2, gt=0, description="width of the band, in shares of the range; 0.2 is strong, 0.7 weak in the paper"
    )

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.factors[0] == self.factors[1]:
            raise ValueError("two different factors")
        return self

    def weights(self, factors: FactorGrid, levels: Levels) -> NDArray[np.float64]:
        """How often each observation of levels (N, F) is seen, (N,), in proportion."""
        first, second = (
            levels[:, number] / max(factors.sizes[number] - 1, 1) for number in _numbers(factors, self.factors)
        )
        # Of a narrow band at least the smallest distance that there is must be left in a float.
        exponent = np.square(first - second) / (2 * self.sigma**2)
        weights: NDArray[np.float64] = np.exp(exponent.min(initial=np.inf) - exponent)
        return weights


class FactorSplit(Settings):
    """A split by factors: what models see in training leaves out some levels, or combinations of levels.

    After Schott et al. (2022): models that know how factors work do as well on what is left out.
    """

    kind: Literal["interpolation", "extrapolation", "composition"] = Field(
        description="what is left out: every second level of any of the factors, but the first and the last; "
        "the highest levels of any; combinations of the highest levels of all"
    )
    factors: list[str] = Field(min_length=1, description="the factors that are split")
    share: float = Field(
        0.5, gt=0, lt=1, description="how many of a factor's levels are the highest; interpolation has no use for it"
    )

    @model_validator(mode="after")
    def _combines(self) -> Self:
        if len(set(self.factors)) < len(self.factors):
            raise ValueError("each factor once")
        if self.kind == "composition" and len(self.factors) < 2:
            raise ValueError("at least two factors for a composition")
        return self

    def left_out(self, factors: FactorGrid, levels: Levels) -> NDArray[np.bool_]:
        """Which observations of levels (N, F) are not trained on, (N,)."""
        chosen = [self._of_factor(factors, number)[levels[:, number]] for number in _numbers(factors, self.factors)]
        combine = np.logical_and if self.kind == "composition" else np.logical_or
        left_out: NDArray[np.bool_] = combine.reduce(chosen)
        return left_out

    def _of_factor(self, factors: FactorGrid, number: int) -> NDArray[np.bool_]:
        """Which levels of a factor are meant, (size,)."""
        size = factors.sizes[number]
        least = 3 if self.kind == "interpolation" else 2
        if size < least:
            raise UserError(f"split: {factors.names[number]} has {size} levels, and {self.kind} needs {least}")
        level = np.arange(size)
        if self.kind == "interpolation":
            return np.asarray((level % 2 == 1) & (level < size - 1))
        highest = min(max(round(size * self.share), 1), size - 1)
        return np.asarray(level >= size - highest)


class TrainingImages(Settings):
    """Which images are trained on, and how often. Metrics see all images alike."""

    correlated: list[Correlation] = Field([], description="pairs of factors that go together; several multiply")
    forbidden: list[dict[str, int | list[int]]] = Field(
        [], description="combinations that are never seen: a level from 0, or a list of them, for each factor named"
    )
    split: FactorSplit | None = Field(None, description="a split by factors")

    def weights(self, factors: FactorGrid) -> NDArray[np.float64]:
        """How often each image is trained on, (N,), in proportion; 0 for one that never is.

        Raises:
            UserError: a factor or level does not exist, or no image is left.
        """
        levels = factors.ids(np.arange(len(factors)))
        weights = np.ones(len(levels))
        for pair in self.correlated:
            weights *= pair.weights(factors, levels)
        for combination in self.forbidden:
            weights[_shows(factors, levels, combination)] = 0
        if self.split is not None:
            weights[self.split.left_out(factors, levels)] = 0
        if not weights.any():
            raise UserError("it leaves no image to train on")
        return weights


def _shows(factors: FactorGrid, levels: Levels, combination: dict[str, int | list[int]]) -> NDArray[np.bool_]:
    """Which observations of levels (N, F) have, for each factor named, one of the levels named, (N,)."""
    if not combination:
        raise UserError("forbidden: a combination names at least one factor")
    shown = np.ones(len(levels), dtype=bool)
    for name, number in zip(combination, _numbers(factors, list(combination)), strict=True):
        wanted = combination[name]
        wanted = [wanted] if isinstance(wanted, int) else wanted
        if wrong := [level for level in wanted if not 0 <= level < factors.sizes[number]]:
            raise UserError(f"forbidden: {name} has no level {wrong[0]}; there are 0 to {factors.sizes[number] - 1}")
        shown &= np.isin(levels[:, number], wanted)
    return shown


def _numbers(factors: FactorGrid, names: Sequence[str]) -> list[int]:
    """The positions of named factors.

    Raises:
        UserError: one does not exist.
    """
    known = list(factors.names)
    if wrong := [name for name in names if name not in known]:
        raise UserError(f"there is no factor '{wrong[0]}'; {nearest(wrong[0], known)}")
    return [known.index(name) for name in names]
