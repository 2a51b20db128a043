"""The `search` of a `[[models]]` table: settings drawn at random from a space, as many as a budget allows."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self, TypeAlias

from pydantic import model_validator

from harness.config import Field, Settings, parse
from harness.errors import UserError
from harness.seeds import numpy_rng
from harness.suite.sweep import MOST_VALUES, Point, values_by_name


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
        value = low * (high / low) ** share if self.scale == "log" else low + share * (high - low)
        if self.whole:
            return min(max(math.floor(value + 0.5), int(self.start)), int(self.end))
        return min(max(float(f"{value:.6g}"), float(self.start)), float(self.end))


Axis: TypeAlias = Interval | Sequence[Any]
"""The values that one setting may have: those between two numbers, or those of a list."""


class Search(Settings):
    """How settings are searched for."""

    budget: int = Field(ge=1, le=MOST_VALUES, description="how many settings are tried")
    seed: int = Field(0, description="seeds what is drawn")
    space: dict[str, Any] = Field(
        min_length=1,
        description="hyperparameters, or training.KEY, each with a list to choose from, an interval { from, to, "
        "scale } or a range of sweeps",
    )


def drawn(search: Search, place: str) -> list[Point]:
    """As many settings as the budget allows, all different; those of a smaller budget are the first of a larger one's.

    What is drawn of a setting depends on the seed and its name alone, so that another one beside it changes nothing.

    Args:
        search: the table.
        place: where it stands, such as "models[0].search".

    Raises:
        UserError: something in the space is no list, interval or range, or it has fewer settings than the budget.
    """
    space = axes(search, place)
    found: dict[str, Point] = {}
    for point in _points(space, search.seed):
        found.setdefault(repr(point), point)
        if len(found) == search.budget:
            break
    return list(found.values())


def axes(search: Search, place: str) -> dict[str, Axis]:
    """The axes of a space by the names of their settings, those of the training called "training.KEY".

    Raises:
        UserError: something is no list, interval or range, or there are fewer settings than the budget.
    """
    space = {name: _each_once(axis) for name, axis in values_by_name(search.space, f"{place}.space", _axis)}
    size = math.prod(map(_size, space.values()))
    if size < search.budget:
        raise UserError(f"{place}.budget: got {search.budget}, and the space has {size:,} settings; take at most those")
    return space


def _points(space: Mapping[str, Axis], seed: int) -> Iterator[Point]:
    """Settings without end, of which each may come again."""
    streams = {name: numpy_rng(seed, "search", name) for name in space}
    while True:
        yield {name: _value(axis, float(streams[name].random())) for name, axis in space.items()}


def _value(axis: Axis, share: float) -> Any:
    return axis.at(share) if isinstance(axis, Interval) else axis[int(share * len(axis))]


def _each_once(axis: Axis) -> Axis:
    return axis if isinstance(axis, Interval) else list({json.dumps(value): value for value in axis}.values())


def _size(axis: Axis) -> float:
    """How many values there are."""
    if not isinstance(axis, Interval):
        return len(axis)
    return int(axis.end) - int(axis.start) + 1 if axis.whole else math.inf


def _axis(values: Any, place: str) -> Axis | None:
    """An interval; None for anything else, which may be a list or a range."""
    if not isinstance(values, Mapping) or {"count", "step"} & set(values):
        return None
    return parse(Interval, values, place)
