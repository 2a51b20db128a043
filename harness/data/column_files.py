"""Files of named columns: CSV and Parquet, of codes, of factors, or of the factors of pictures that a column names."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.data.tables import listed, require_names
from harness.errors import UserError, in_a_line

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 4 * 2**30
"""What a file may unfold to."""

PARQUET = (".parquet", ".pq")
"""How names of Parquet files end; any other file is taken for CSV."""

FILE = "file"
"""The column that names each row's picture, which is no factor."""


def read_columns(path: Path) -> "pd.DataFrame":
    """Read a CSV or Parquet file; a column `file` holds texts.

    Raises:
        UserError: it cannot be read, declares more than a memory holds, has a column without a name, or lacks values.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    try:
        table = _of_parquet(content) if path.suffix.lower() in PARQUET else _of_csv(content)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # Damaged tables raise errors of every kind.
        raise UserError(f"{path}: cannot be read as a table: {in_a_line(error)}") from None
    require_names([str(name) for name in table], str(path))
    missing = table.isna().to_numpy()
    if missing.any():
        rows = np.flatnonzero(missing.any(axis=1))
        named = [str(table.columns[number]) for number in np.flatnonzero(missing.any(axis=0)).tolist()]
        raise UserError(
            f"{path}: {len(rows)} of {len(table)} rows lack a value in {', '.join(named)} "
            f"({place_of(path, rows.tolist())}); empty cells, NA and None are no values: fill them in, or leave these "
            "rows out, of codes and factors alike"
        )
    return table


def factor_columns(table: "pd.DataFrame") -> "pd.DataFrame":
    """Take the factors out of a table: all columns but the one that names pictures."""
    return table.drop(columns=FILE, errors="ignore")


def place_of(path: Path, rows: Sequence[int]) -> str:
    """Say where rows of a table, counted from 0, are in its file: by lines of a CSV file, and else by rows from 1."""
    places, word = [row + 1 for row in rows], "row"
    if path.suffix.lower() not in PARQUET:
        lines = _lines(path.read_bytes())
        if max(rows) + 1 < len(lines):
            places, word = [lines[row + 1] for row in rows], "line"
    return f"{word}{'s' if len(rows) > 1 else ''} {listed(places)}"


def _of_csv(content: bytes) -> "pd.DataFrame":
    import pandas as pd

    return pd.read_csv(io.BytesIO(content), dtype={FILE: str}, encoding="utf-8-sig", skipinitialspace=True)


def _of_parquet(content: bytes) -> "pd.DataFrame":
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content))
    declared = 8 * file.metadata.num_rows * file.metadata.num_columns
    if declared > MOST_BYTES:
        raise UserError(f"it declares {declared / 1e9:.3g} GB of numbers, more than is read of a table")
    found: pd.DataFrame = file.read().to_pandas()
    return found


def _lines(content: bytes) -> list[int]:
    """The line at which each record of a CSV file begins, that of the header first; empty lines are no records."""
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), skipinitialspace=True)
    found, before = [], 0
    for record in reader:
        if len(record) > 1 or "".join(record).strip():
            found.append(before + 1)
        before = reader.line_num
    return found
