"""The contract of a sampler, which suggests settings to try by how earlier ones did."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeAlias

from pydantic import model_validator

from harness.config import Field, Settings


class Interval(Settings):
    """Any number between two, both included; whole numbers where both ends are written as such."""

    start: int | float = Field(alias="from", description="the smallest value")
    end: int | float = Field(alias="to", description="the largest value")
    scale: Literal["linear", "log"] = Field("linear", description="log: equal ratios are equally likely")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.start >= self.end:
            raise ValueError("a `from` that is smaller than `to`")
        if self.scale == "log" and self.start <= 0:
            raise ValueError("ends above 0 for a log scale")
        return self

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.start, int) and isinstance(self.end, int)

    def at(self, share: float) -> int | float:
        """The value at a share of the interval, from 0 up to but not 1; each whole number has an equal part of it."""
        low, high = (self.start - 0.5, self.end + 0.5) if self.whole else (self.start, self.end)
        return self.nearest(low * (high / low) ** share if self.scale == "log" else low + share * (high - low))

    def nearest(self, value: float) -> int | float:
        """The nearest value of the interval: a whole number, or one of six digits."""
        if self.whole:
            return min(max(math.floor(value + 0.5), int(self.start)), int(self.end))
        return min(max(float(f"{value:.6g}"), float(self.start)), float(self.end))


Axis: TypeAlias = Interval | Sequence[Any]
"""The values that one setting may have: those between two numbers, or those of a list."""


class Sampler:
    """Base class of every sampler.

    It keeps nothing between runs: one that goes on is told the results of all its trials again, in their order, and
    must then suggest what it would have suggested.

    Args:
        config: its settings.
        space: the values that each setting may have.
        seed: of everything that it draws.
    """

    class Config(Settings):
        """Overridden by a subclass that has settings."""

    source: ClassVar[str] = ""
    """The paper or the package that defines the sampler."""

    def __init__(self, config: Settings, space: Mapping[str, Axis], seed: int) -> None:
        self.config = config
        self.space = space
        self.seed = seed

    def suggest(self) -> Mapping[str, Any]:
        """Settings to try next: for each name in the space a number of its interval, or an item of its list."""
        raise NotImplementedError(f"{type(self).__name__} must suggest settings")

    def tell(self, number: int, value: float) -> None:
        """Learn what a suggestion is worth: larger is better, NaN that it failed.

        Args:
            number: of the suggestion, in the order in which they were made, from 0.
            value: what it is worth.
        """
        raise NotImplementedError(f"{type(self).__name__} must learn from results")
