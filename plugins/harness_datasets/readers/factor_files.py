"""Tables of factors as people keep them beside their pictures: CSV and Parquet files with a column of file names."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness import FactorGrid, UserError
from harness.data import FILE, factor_columns, factors_of, place_of, read_columns


def read_factor_file(path: Path) -> pd.DataFrame:
    """A CSV or Parquet file with a column `file` and a column for each factor.

    Raises:
        UserError: it cannot be read, is empty, or lacks a column or a value.
    """
    table = read_columns(path)
    if FILE not in table:
        found = ", ".join(map(str, table.columns))
        raise UserError(f"{path}: has no column '{FILE}' that names the pictures; its columns are {found}")
    if table.columns.size < 2 or table.empty:
        raise UserError(f"{path}: has no rows, or no column of a factor beside '{FILE}'")
    return table


def pictures_of(table: pd.DataFrame, path: Path, folder: Path) -> list[Path]:
    """The picture of each row.

    Raises:
        UserError: a row names none, one outside the folder, one that is not there, or one that another row names.
    """
    pictures: dict[Path, int] = {}
    for row, name in enumerate(table[FILE]):
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"{path}: {place_of(path, [row])} names no picture in column '{FILE}'")
        inside = PurePosixPath(name.strip())
        if inside.is_absolute() or ".." in inside.parts:
            raise UserError(f"{path}: {place_of(path, [row])} names '{name}', which is not below {folder}")
        picture = folder / inside
        if picture in pictures:
            raise UserError(f"{path}: {place_of(path, [pictures[picture], row])} both name '{name}'")
        if not picture.is_file():
            raise UserError(f"{path}: {place_of(path, [row])} names '{name}', which is not in {folder}")
        pictures[picture] = row
    return list(pictures)


def observed(
    table: pd.DataFrame, path: Path, continuous: Sequence[str] | None = None, categorical: Sequence[str] = ()
) -> tuple[FactorGrid, NDArray[np.int64]]:
    """The factors of a table's rows, and the row that shows each of their observations; see `factors_of`.

    Raises:
        UserError: a cell is missing, a factor has one level, or a name is no column's.
    """
    try:
        factors, rows = factors_of(factor_columns(table), continuous=continuous, categorical=categorical)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return factors, np.arange(len(table)) if rows is None else rows
