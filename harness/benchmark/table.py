"""The tables of benchmarks, which every measurement adds a row to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.results.parquet import read_table, write_table
from harness.storage.atomic import locked


def add_rows(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a table of benchmarks; without any, find out whether that can be done.

    Two processes that do so at once add the rows of both.

    Args:
        folder: the table's folder, which is made if there is none.
        name: "benchmarks" or "times_to_score", see `harness.results.schema`.
        rows: a value for each of its columns.

    Raises:
        UserError: the table is damaged, or an older version wrote it.
        StorageError: it cannot be written.
    """
    path = folder / f"{name}.parquet"
    with locked(path.with_name(f".{path.name}.lock")):
        try:
            before = read_table(path).to_dict("records")
        except FileNotFoundError:
            before = []
        if rows:
            write_table(path, name, pd.DataFrame([*before, *rows]))
