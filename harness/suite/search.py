"""The `search` of a `[[models]]` table: settings from a space, as many as a budget allows, drawn at random."""

import json
import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from harness.config import Field, Settings, parse
from harness.errors import UserError
from harness.sampler import Axis, Interval
from harness.seeds import numpy_rng
from harness.suite.sweep import MOST_VALUES, Point, values_by_name

REPEATED = 100
"""Draws in a row, for each setting of the budget, after which a space has no other ones: values have six digits."""

RANDOM = "random"
"""The sampler that looks at no results."""


class Search(Settings):
    """How settings are searched for."""

    budget: int = Field(ge=1, le=MOST_VALUES, description="how many settings are tried")
    seed: int = Field(0, description="seeds what is drawn")
    sampler: str | dict[str, Any] = Field(
        RANDOM,
        description="what suggests settings: random, or another sampler, or a table of its name and settings",
    )
    aim: str | dict[str, Any] | None = Field(
        None, description="what a sampler other than random is to find the best by, as for halving"
    )
    at_once: int = Field(
        4, ge=1, description="settings that such a sampler suggests before it is told what any of them is worth"
    )
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
    points = _points(space, search.seed)
    while len(found) < search.budget:
        drawings = islice(points, REPEATED * search.budget)
        point = next((point for point in drawings if repr(point) not in found), None)
        if point is None:
            raise _too_many(search, place, len(found))
        found[repr(point)] = point
    return list(found.values())


def _too_many(search: Search, place: str, size: int) -> UserError:
    return UserError(f"{place}.budget: got {search.budget}, and the space has {size:,} settings; take at most those")


def axes(search: Search, place: str) -> dict[str, Axis]:
    """The axes of a space by the names of their settings, those of the training called "training.KEY".

    Raises:
        UserError: something is no list, interval or range, or there are fewer settings than the budget.
    """
    space = {name: _each_once(axis) for name, axis in values_by_name(search.space, f"{place}.space", _axis)}
    size = math.prod(map(_size, space.values()))
    if size < search.budget:
        raise _too_many(search, place, int(size))
    return space


def _points(space: Mapping[str, Axis], seed: int) -> Iterator[Point]:
    """Settings drawn without end; the same one may be drawn again."""
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
