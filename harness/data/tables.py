"""Tables of factors: any observations in any order are checked and become a `FactorGrid` or a `FactorTable`."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.factor_table import INTERVALS, FactorTable
from harness.errors import UserError
from harness.factors import FactorGrid, Indices

MOST_LEVELS = 64
"""A column of real numbers with more different values than this is a continuous factor, unless told otherwise."""


def as_table(data: Any, name: str) -> tuple[NDArray[Any], list[str]]:
    """Read an array, a tensor, a data frame or nested lists as rows (N, D) and column names.

    Args:
        data: NumPy, torch or pandas data, or lists; one dimension is one column.
        name: what an error calls it.

    Raises:
        UserError: it has no rows or columns, is no table, has a column without a name, or holds something else than
            finite numbers.
    """
    columns = [str(column) for column in data.columns] if hasattr(data, "columns") else []
    if nameless := [column for column in columns if re.fullmatch(r"Unnamed: \d+", column)]:
        raise UserError(
            f"{name}: there is a column without a name ('{nameless[0]}' to pandas), as row numbers have in a file; "
            "leave it out: to_csv(FILE, index=False)"
        )
    if hasattr(data, "detach"):
        data = data.detach().cpu()
    try:
        array = np.asarray(data)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{name}: expected a table of numbers: {error}") from None
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise UserError(f"{name}: expected (rows, columns), got an array of shape {array.shape}")
    if 0 in array.shape:
        raise UserError(f"{name}: there are no rows or no columns, the shape is {array.shape}")
    columns = columns or [f"{number}" for number in range(array.shape[1])]
    if array.dtype.kind == "O":
        array = _numbers(array, columns, name)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name}: expected numbers, got {array.dtype}; give every level of a factor a number")
    wrong = ~np.isfinite(array.astype(np.float64, copy=False))
    if wrong.any():
        named = ", ".join(columns[number] for number in np.flatnonzero(wrong.any(axis=0)))
        raise UserError(
            f"{name}: {int(wrong.any(axis=1).sum())} of {len(array)} rows hold missing or infinite values "
            f"(columns {named}); leave these rows out, of codes and factors alike"
        )
    return array, columns


def _numbers(array: NDArray[Any], columns: Sequence[str], name: str) -> NDArray[np.float64]:
    """Convert a table of Python objects to numbers, if all of them are numbers; None is a missing one."""
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    for number, column in enumerate(columns):
        for value in array[:, number]:
            if not isinstance(value, int | float | np.number | None):
                raise UserError(
                    f"{name}: column {column} holds {value!r}, which is no number; give every level a number"
                )
    raise UserError(f"{name}: some of its numbers are too large")


def factors_of(
    factors: Any, *, continuous: Sequence[str] | None = None, categorical: Sequence[str] = ()
) -> tuple[FactorGrid, Indices | None]:
    """Make the ground-truth factors of any observations.

    A table in which every combination of levels stands exactly once is a complete grid, in whatever order its rows
    are; any other is a `FactorTable`, from which observations and groups are sampled.

    Args:
        factors: (N, F), see `as_table`.
        continuous: names (or numbers) of the columns that are continuous: each is cut into 20 intervals. By default
            those of real numbers with more than 64 different values.
        categorical: names (or numbers) of the columns whose levels have no order.

    Returns:
        The factors, and for a complete grid the row that shows each grid point (N,), else None.

    Raises:
        UserError: the table is no table of numbers, a factor has a single level, or a name is no column's.
    """
    table, names = as_table(factors, "factors")
    if len(table) < 2:
        raise UserError("factors: there is one row, and nothing to compare")
    cut = _continuous(table, names, continuous)
    unordered = _chosen(names, categorical, "categorical")
    sizes, values, levels = [], [], np.empty(table.shape, dtype=np.int64)
    for number, column in enumerate(table.T.astype(np.float64)):
        if number in cut:
            low, width = column.min(), np.ptp(column) / INTERVALS
            levels[:, number] = ((column - low) / (width or 1)).astype(np.int64).clip(max=INTERVALS - 1)
            values.append(low + width * (np.arange(INTERVALS) + 0.5))
        else:
            distinct, levels[:, number] = np.unique(column, return_inverse=True)
            values.append(distinct)
        sizes.append(len(values[-1]))
        if np.ptp(column) == 0:
            raise UserError(f"factors: column {names[number]} is {column[0]:g} in every row; leave it out")
    order = [number in unordered for number in range(len(names))]
    if not cut and float(np.prod(np.asarray(sizes, dtype=float))) == len(table):
        grid = FactorGrid(names, sizes, values, order)
        points = grid.indices(levels)
        if len(np.unique(points)) == len(points):
            return grid, np.argsort(points)
    exact = table.astype(np.float64) if cut else None
    return FactorTable(names, sizes, values, order, levels, exact), None


def _continuous(table: NDArray[Any], names: Sequence[str], given: Sequence[str] | None) -> set[int]:
    if given is not None:
        return _chosen(names, given, "continuous")
    return {
        number
        for number in range(table.shape[1])
        if table.dtype.kind == "f" and len(np.unique(table[:, number])) > MOST_LEVELS
    }


def _chosen(names: Sequence[str], given: Sequence[str], what: str) -> set[int]:
    """The numbers of the columns that are listed by name or number."""
    chosen = set()
    for name in given:
        if str(name) not in names:
            raise UserError(f"{what}: there is no column '{name}'; there are {', '.join(names)}")
        chosen.add(list(names).index(str(name)))
    return chosen
