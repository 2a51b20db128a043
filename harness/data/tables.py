"""Tables of factors: any observations in any order are checked and become a `FactorGrid` or a `FactorTable`."""

import re
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.factor_table import FactorTable, intervals
from harness.errors import UserError
from harness.factors import FactorGrid, Indices

MOST_LEVELS = 64
"""A column of real numbers with more different values than this is a continuous factor, unless told otherwise."""

FEW = 3
"""Rows that a message lists."""


def as_table(data: Any, name: str) -> tuple[NDArray[Any], list[str]]:
    """Read an array, a tensor, a data frame or nested lists as rows (N, D) and column names.

    Args:
        data: NumPy, torch or pandas data, or lists; one dimension is one column.
        name: what an error calls it.

    Raises:
        UserError: it has no rows or columns, is no table, has a column without a name, or holds something else than
            finite numbers.
    """
    array, columns = _rows(data, name)
    if array.dtype.kind == "O":
        array = _numbers(array, columns, name)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name}: expected numbers, got {array.dtype}")
    _require_finite(~np.isfinite(array.astype(np.float64, copy=False)), columns, name)
    return array, columns


def _rows(data: Any, name: str) -> tuple[NDArray[Any], list[str]]:
    """A table (N, D) of whatever it holds, and the names of its columns."""
    columns = [str(column) for column in data.columns] if hasattr(data, "columns") else []
    require_names(columns, name)
    try:
        array = np.asarray(data.detach().cpu() if hasattr(data, "detach") else data)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{name}: expected a table of numbers: {error}") from None
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise UserError(f"{name}: expected (rows, columns), got an array of shape {array.shape}")
    if 0 in array.shape:
        raise UserError(f"{name}: there are no rows or no columns, the shape is {array.shape}")
    return array, columns or [f"{number}" for number in range(array.shape[1])]


def require_names(columns: Sequence[str], name: str) -> None:
    """Refuse a table of which a column has no name, as row numbers have in a file."""
    if nameless := [column for column in columns if re.fullmatch(r"Unnamed: \d+", column)]:
        raise UserError(
            f"{name}: there is a column without a name ('{nameless[0]}' to pandas), as row numbers have in a file; "
            "leave it out: to_csv(FILE, index=False)"
        )


def _numbers(array: NDArray[Any], columns: Sequence[str], name: str) -> NDArray[np.float64]:
    """Convert a table of Python objects to numbers, if all of them are numbers; None is a missing one."""
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    for number, column in enumerate(columns):
        for value in array[:, number]:
            if not isinstance(value, int | float | np.number | None):
                raise UserError(f"{name}: column {column} holds {value!r}, which is no number; leave the column out")
    raise UserError(f"{name}: some of its numbers are too large")


def _require_finite(wrong: NDArray[np.bool_], columns: list[str], name: str) -> None:
    """Refuse a table of which some cells (N, D) are wrong."""
    if not wrong.any():
        return
    named = ", ".join(columns[number] for number in np.flatnonzero(wrong.any(axis=0)))
    rows = np.flatnonzero(wrong.any(axis=1))
    raise UserError(
        f"{name}: {len(rows)} of {len(wrong)} rows hold missing or infinite values (columns {named}; indices "
        f"{listed(rows.tolist())}); leave these rows out, of codes and factors alike"
    )


def listed(numbers: Sequence[int]) -> str:
    """Name the first few numbers.

    >>> listed([4]), listed([4, 7, 9]), listed([4, 7, 9, 10, 12])
    ('4', '4, 7, 9', '4, 7, 9 and 2 more')
    """
    more = f" and {len(numbers) - FEW} more" if len(numbers) > FEW else ""
    return ", ".join(str(number) for number in numbers[:FEW]) + more


def factors_of(
    factors: Any, *, continuous: Sequence[str] | None = None, categorical: Sequence[str] = ()
) -> tuple[FactorGrid, Indices | None]:
    """Make the ground-truth factors of any observations.

    A table in which every combination of levels stands exactly once is a complete grid, in whatever order its rows
    are; any other is a `FactorTable`, from which observations and groups are sampled.

    Each column of a data frame, of nested lists and of an array of objects is judged by its own type, and all columns
    of another array by the array's. Texts, truth values and categories are levels without an order, in the order of
    the alphabet.

    Args:
        factors: (N, F) numbers or texts: NumPy, torch or pandas data, or lists; one dimension is one column.
        continuous: names (or numbers) of the columns that are continuous: each is cut into 20 intervals. By default
            those of real numbers, not integers, with more than 64 different values that are not in `categorical`.
        categorical: names (or numbers) of the columns whose levels have no order.

    Returns:
        The factors, and for a complete grid the row that shows each grid point (N,), else None.

    Raises:
        UserError: the table is no table, a cell is missing, a factor has a single level, a name is no column's, or a
            column is to be both continuous and categorical.
    """
    names, columns = _columns(factors)
    if len(columns[0]) < 2:
        raise UserError("factors: there is one row, and nothing to compare")
    unordered = _chosen(names, categorical, "categorical")
    cut = _continuous(names, columns, continuous, unordered)
    order = [number in unordered or _is_nominal(column) for number, column in enumerate(columns)]
    values: list[NDArray[Any]] = []
    called: list[tuple[str, ...]] = []
    exact = np.empty((len(columns[0]), len(columns)))
    levels = np.empty(exact.shape, dtype=np.int64)
    for number, column in enumerate(columns):
        distinct, levels[:, number] = np.unique(column, return_inverse=True)
        if len(distinct) == 1:
            value = distinct[0] if _is_nominal(column) else f"{distinct[0]:g}"
            raise UserError(f"factors: column {names[number]} is {value} in every row; leave it out")
        exact[:, number] = levels[:, number] if _is_nominal(column) else column
        called.append(tuple(map(str, distinct)) if _is_nominal(column) else ())
        if number in cut:
            levels[:, number], middles = intervals(exact[:, number])
            values.append(middles)
        else:
            values.append(np.arange(len(distinct)) if _is_nominal(column) else distinct)
    sizes = [len(each) for each in values]
    if not cut and float(np.prod(np.asarray(sizes, dtype=float))) == len(levels):
        grid = FactorGrid(names, sizes, values, order, called)
        points = grid.indices(levels)
        if len(np.unique(points)) == len(points):
            return grid, np.argsort(points)
    return FactorTable(names, sizes, values, order, levels, exact if cut else None, called), None


def _columns(data: Any) -> tuple[list[str], list[NDArray[Any]]]:
    """The names of factors, and the values of each (N,): integers, real numbers, or texts of whatever is neither."""
    array, names = _rows(data, "factors")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UserError(f"factors: several columns are named '{repeated[0]}'")
    if hasattr(data, "columns"):
        nominal = [str(data[label].dtype) == "category" for label in data.columns]
        columns = [np.asarray(data[label]) for label in data.columns]
    else:
        # Of rows of numbers and texts NumPy makes real numbers only, or texts only.
        mixed = isinstance(data, list | tuple) and all(isinstance(row, list | tuple) for row in data)
        nominal = [False] * len(names)
        columns = list(_objects(data).T if mixed else array.T)
        if not mixed and array.dtype.kind not in "biufO":
            raise UserError(
                f"factors: expected numbers, got an array of {array.dtype}; give texts in a data frame, each of whose "
                "columns has a type of its own"
            )
    _require_finite(np.stack([_wrong(column) for column in columns], axis=1), names, "factors")
    return names, [
        column.astype(str) if texts else _typed(column, name)
        for column, texts, name in zip(columns, nominal, names, strict=True)
    ]


def _objects(rows: Sequence[Sequence[Any]]) -> NDArray[np.object_]:
    """Rows of values of any types, as they are; numbers of NumPy and torch as those of Python."""
    return np.array(
        [[value.item() if hasattr(value, "item") else value for value in row] for row in rows], dtype=object
    )


def _wrong(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values (N,) are missing or infinite."""
    import pandas as pd

    found: NDArray[np.bool_] = pd.isna(column)
    if column.dtype.kind == "O":
        found |= np.array([isinstance(value, float | np.floating) and bool(np.isinf(value)) for value in column])
    elif column.dtype.kind == "f":
        found |= np.isinf(column)
    return found


def _typed(column: NDArray[Any], name: str) -> NDArray[Any]:
    """Values (N,) as numbers, if all of them are, and else as texts."""
    if column.dtype.kind in "iuf":
        return column
    if column.dtype.kind != "O" or not all(isinstance(value, Real | Decimal) for value in column):
        return column.astype(str)
    found = np.array(column.tolist())
    if found.dtype.kind == "b":
        return found.astype(str)
    try:
        return found.astype(np.float64) if found.dtype.kind == "O" else found
    except OverflowError:
        raise UserError(f"factors: some numbers of column {name} are too large") from None


def _is_nominal(column: NDArray[Any]) -> bool:
    return column.dtype.kind not in "iuf"


def _continuous(
    names: Sequence[str], columns: Sequence[NDArray[Any]], given: Sequence[str] | None, unordered: set[int]
) -> set[int]:
    """The numbers of the columns that are continuous: those that are listed, or real numbers of many values."""
    if given is None:
        return {
            number
            for number, column in enumerate(columns)
            if number not in unordered and column.dtype.kind == "f" and len(np.unique(column)) > MOST_LEVELS
        }
    chosen = _chosen(names, given, "continuous")
    for number in sorted(chosen):
        if number in unordered:
            raise UserError(
                f"factors: column {names[number]} is listed as continuous, and as categorical, without an order; "
                "it is one of both"
            )
        if _is_nominal(columns[number]):
            raise UserError(
                f"continuous: column {names[number]} holds {columns[number][0]!s}, which is no number; texts, truth "
                "values and categories are levels without an order"
            )
    return chosen


def _chosen(names: Sequence[str], given: Sequence[str], what: str) -> set[int]:
    """The numbers of the columns that are listed by name or number, or of the one that is given alone."""
    chosen = set()
    for name in [given] if isinstance(given, str | int) else given:
        if str(name) not in names:
            raise UserError(f"{what}: there is no column '{name}'; there are {', '.join(names)}")
        chosen.add(list(names).index(str(name)))
    return chosen
