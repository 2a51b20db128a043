"""Tables of factors as people keep them beside their pictures: CSV and Parquet files with a column of file names."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness import FactorGrid, UserError
from harness.data import factors_of

FILE = "file"
"""The column that names each row's picture."""


def read_factor_file(path: Path) -> pd.DataFrame:
    """A CSV or Parquet file with a column `file` and a column for each factor.

    Raises:
        UserError: it cannot be read, is empty, or lacks a column.
    """
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, dtype={FILE: str}, encoding="utf-8-sig", skipinitialspace=True)
    # pandas and pyarrow raise many kinds of errors for damaged files.
    except Exception as error:  # Damaged tables raise errors of every kind.
        raise UserError(f"{path}: cannot be read as a table: {error}") from None
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
    for row, name in enumerate(table[FILE], 1):
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"{path}: row {row} names no picture in column '{FILE}'")
        inside = PurePosixPath(name.strip())
        if inside.is_absolute() or ".." in inside.parts:
            raise UserError(f"{path}: row {row} names '{name}', which is not below {folder}")
        picture = folder / inside
        if picture in pictures:
            raise UserError(f"{path}: rows {pictures[picture]} and {row} both name '{name}'")
        if not picture.is_file():
            raise UserError(f"{path}: row {row} names '{name}', which is not in {folder}")
        pictures[picture] = row
    return list(pictures)


def observed(
    table: pd.DataFrame, path: Path, continuous: Sequence[str] | None = None, categorical: Sequence[str] = ()
) -> tuple[FactorGrid, NDArray[np.int64]]:
    """The factors of a table's rows, and the row that shows each of their observations; see `factors_of`.

    Texts and truth values are levels without an order, in the order of the alphabet.

    Raises:
        UserError: a cell is missing, a factor has one level, or a name is no column's.
    """
    table = table.drop(columns=FILE, errors="ignore").rename(columns=str)
    for name in (*(continuous or ()), *categorical):
        if name not in table:
            raise UserError(f"{path}: has no factor '{name}'; its factors are {', '.join(table.columns)}")
    names = [str(name) for name in table]
    if lacking := [name for name in names if table[name].isna().any()]:
        row = int(np.argmax(table[lacking[0]].isna().to_numpy())) + 1
        raise UserError(f"{path}: row {row} has no value in column '{lacking[0]}'")
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(table[name]) or table[name].dtype == bool]
    for name in texts:
        table[name] = np.unique(table[name].astype(str), return_inverse=True)[1]
    try:
        factors, rows = factors_of(table, continuous=continuous, categorical=[*categorical, *texts])
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return factors, np.arange(len(table)) if rows is None else rows
