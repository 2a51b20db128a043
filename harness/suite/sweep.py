"""The `sweep` of a `[[models]]` table: lists that multiply, lists that go together, and ranges."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, product
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from harness.config import Field, Settings, parse
from harness.errors import UserError

IN_TRAINING = "training."
"""What the names of swept training settings begin with."""
TRAINING = IN_TRAINING.removesuffix(".")
ZIP = "zip"
"""The table of lists that go together."""

MOST_VALUES = 10_000
"""Of one range; more are a slip of the keyboard."""

Point = dict[str, Any]
"""Swept settings with a value each; those of the training are called "training.KEY"."""


class Range(Settings):
    """Values from one number to another, both included; whole numbers where both ends are written as such."""

    start: int | float = Field(alias="from", description="the first value")
    end: int | float = Field(alias="to", description="the last value, or what no value passes")
    count: int | None = Field(None, ge=2, le=MOST_VALUES, description="how many values")
    step: int | float | None = Field(None, description="the distance of two values, instead of count")
    scale: Literal["linear", "log"] = Field("linear", description="log: neighbours have the same ratio")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.count is None) == (self.step is None):
            raise ValueError("either count or step")
        if self.step is not None and (self.scale == "log" or self.step * (self.end - self.start) <= 0):
            raise ValueError("a step that leads from the one end to the other, on a linear scale")
        if self.step is not None and (self.end - self.start) / self.step >= MOST_VALUES:
            raise ValueError(f"at most {MOST_VALUES:,} values")
        if self.scale == "log" and not (self.start > 0 and self.end > 0):
            raise ValueError("ends above 0 for a log scale")
        return self

    def listed(self) -> list[int] | list[float]:
        """The values, in order and each once."""
        if self.step is not None:
            steps = int((self.end - self.start) / self.step * (1 + 1e-12))  # 0.3 / 0.1 is less than 3.
            found = self.start + self.step * np.arange(steps + 1)
        else:
            spaced = np.geomspace if self.scale == "log" else np.linspace
            found = spaced(self.start, self.end, self.count or 2)
        if all(isinstance(number, int) for number in (self.start, self.end, self.step or 0)):
            return list(dict.fromkeys(round(value) for value in found.tolist()))
        return [float(f"{value:.12g}") for value in found.tolist()]  # Without the dust of rounding.


def expand(sweep: Mapping[str, Any], place: str) -> list[Point]:
    """Every combination of a sweep: lists and ranges multiply, and those in `zip`, or in a group there, go together.

    Args:
        sweep: the table.
        place: where it stands, such as "models[0].sweep".

    Raises:
        UserError: something in it is no list or range, is empty, stands twice, or has another length than its group.
    """
    axes: list[list[Point]] = []
    for name, values in sweep.items():
        if name == ZIP:
            axes += _zipped(values, f"{place}.{ZIP}")
        else:
            axes += [[{key: value} for value in found] for key, found in values_by_name({name: values}, place)]
    names = [name for axis in axes for name in axis[0]]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{place}.{twice[0]}: the key is swept twice; keep one")
    return [dict(chain.from_iterable(point.items() for point in points)) for points in product(*axes)]


def _zipped(table: Any, place: str) -> Iterator[list[Point]]:
    """The groups in `zip`: its tables, by name, and what stands in it without one."""
    if not isinstance(table, Mapping):
        raise UserError(f"{place}: got {table!r}, expected a table of lists that go together")
    groups = {name: group for name, group in table.items() if _is_group(name, group)}
    alone = {name: values for name, values in table.items() if name not in groups}
    for name, group in {**({"": alone} if alone else {}), **groups}.items():
        where = f"{place}.{name}" if name else place
        lists = dict(values_by_name(group, where))
        lengths = {key: len(values) for key, values in lists.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} has {length}" for key, length in lengths.items())
            raise UserError(f"{where}: lists that go together have the same length: {told}")
        yield [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    if not table:
        raise UserError(f"{place}: the table is empty")


def _is_group(name: str, values: Any) -> bool:
    return isinstance(values, Mapping) and name != TRAINING and not _is_range(values)


def _is_range(values: Any) -> bool:
    return isinstance(values, Mapping) and bool({"from", "to"} & set(values))


def values_by_name(
    table: Mapping[str, Any], place: str, read: Callable[[Any, str], Any] = lambda values, place: None
) -> Iterator[tuple[str, Any]]:
    """Each key of a table with its values; those of a table `training` are called "training.KEY".

    Args:
        table: lists and ranges by the names of settings.
        place: where it stands.
        read: makes of values and their place something that is no list; None where they are to be a list or a range.

    Raises:
        UserError: the table is empty, or something in it is no list or range.
    """
    if not table:
        raise UserError(f"{place}: the table is empty")
    for name, values in table.items():
        if name == TRAINING and isinstance(values, Mapping) and not _is_range(values):
            for key, each in values.items():
                where = f"{place}.{name}.{key}"
                found = read(each, where)
                yield f"{IN_TRAINING}{key}", _values(each, where) if found is None else found
        elif name == TRAINING:
            raise UserError(f"{place}.{name}: got {values!r}, expected a table of lists")
        else:
            found = read(values, f"{place}.{name}")
            yield name, _values(values, f"{place}.{name}") if found is None else found


def _values(values: Any, place: str) -> list[Any]:
    if _is_range(values):
        return list(parse(Range, values, place).listed())
    if not isinstance(values, list):
        raise UserError(f"{place}: got {values!r}, expected a list of values, or a range from ... to")
    if not values:
        raise UserError(f"{place}: the list is empty")
    return values
