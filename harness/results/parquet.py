"""Tables as Parquet files: with the declared columns, whole or not at all, and checked when they are read."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import DamagedFileError, in_a_line
from harness.results.schema import TABLES, Column
from harness.storage.atomic import read_bytes, storing, write_whole
from harness.storage.checksum import BLANK, is_whole, seal
from harness.storage.records import SCHEMA_VERSION, parse_plain

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

MOST_ROWS, MOST_BYTES = 10_000_000, 2**30
"""What a table of results may hold at most."""

BATCH_ROWS = 100_000


def write_table(path: Path, schema: str, table: "pd.DataFrame", facts: Mapping[str, str] | None = None) -> None:
    """Write a table as Parquet, whole or not at all, with the schema's column types and meanings.

    Args:
        path: its place.
        schema: a name of `harness.results.schema`.
        table: the rows.
        facts: kept in the file beside the schema.

    Raises:
        StorageError: it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, schema=arrow_schema(schema, table), preserve_index=False)
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **(facts or {}), "sha256": BLANK})
    content = io.BytesIO()
    pq.write_table(arrow, content)
    sealed = seal(content.getvalue(), at_end=True)
    with storing(path):
        write_whole(path, lambda file: file.write(sealed))


class IncompleteTableError(DamagedFileError):
    """A table lacks a column that it has now: an older version wrote it, or somebody else."""


def read_table(path: Path) -> "pd.DataFrame":
    """Read what `write_table` wrote; its facts are in `attrs`.

    Raises:
        IncompleteTableError: it lacks a column of its schema.
        DamagedFileError: it is no Parquet file, or a changed one.
        StorageError: it cannot be read.
        FileNotFoundError: there is no such file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = read_bytes(path)
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        facts = {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}
        arrow = _bounded(file)
        arrow.validate(full=True)  # Texts are text.
        _check(arrow, path.stem)
        table: pd.DataFrame = arrow.to_pandas()
    except IncompleteTableError as error:
        raise IncompleteTableError(f"{path}: {error}; an older version wrote it, or it is no such table") from None
    except Exception as error:  # Damaged files raise errors of every kind.
        raise DamagedFileError(f"{path}: damaged, or not a Parquet file ({in_a_line(error)})") from None
    if "sha256" in facts and not is_whole(content, facts["sha256"]):
        raise DamagedFileError(f"{path}: damaged, its SHA-256 is another than when it was written")
    table.attrs = {name: facts[name] for name in facts if name not in ("pandas", "sha256", "ARROW:schema")}
    return table


def _bounded(file: "pq.ParquetFile") -> "pa.Table":
    """The rows of a file, unless they need more memory than any table of results: a small file can declare many.

    Raises:
        ValueError: they do.
    """
    import pyarrow as pa

    batches, size = [], 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS) if file.metadata.num_rows <= MOST_ROWS else ():
        size += batch.nbytes
        if size > MOST_BYTES:
            break
        batches.append(batch)
    if file.metadata.num_rows > MOST_ROWS or size > MOST_BYTES:
        raise ValueError(f"{file.metadata.num_rows:,} rows are more than any table of results has")
    return pa.Table.from_batches(batches, schema=file.schema_arrow)


def _check(table: "pa.Table", name: str) -> None:
    """Make sure that a table has the declared columns, with their types, and JSON where it says so.

    Raises:
        IncompleteTableError: a column is missing.
        ValueError: it has not, or a column beyond the declared ones holds something else than numbers or texts.
    """
    import pyarrow as pa

    columns: Sequence[Column] = TABLES.get(name, ())
    numbers, texts = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean), (pa.types.is_string,)
    allowed = numbers if name == "history" else (*numbers, *texts, pa.types.is_large_string)
    for field in table.schema:
        if field.name not in {column.name for column in columns} and not any(kind(field.type) for kind in allowed):
            raise ValueError(f"the column '{field.name}' holds {field.type}")
    if len(set(table.column_names)) != table.num_columns:
        raise ValueError("two columns have one name")
    for column in columns:
        if column.name not in table.column_names:
            if column.added:
                continue
            raise IncompleteTableError(f"there is no column '{column.name}'")
        found = table.column(column.name)
        if found.type != _type(column) and not (column.type == "string" and found.type == pa.large_string()):
            raise ValueError(f"the column '{column.name}' holds {found.type}, expected {column.type}")
        if column.type == "int64" and not column.nullable and found.null_count:
            raise ValueError(f"a number is missing in the column '{column.name}'")
        kinds = {"JSON text": dict, "a JSON list": list}
        names = {dict: "object", list: "list"}
        for expected in (kind for ending, kind in kinds.items() if column.meaning.endswith(ending)):
            for text in found.unique().to_pylist():
                if not isinstance(parse_plain((text or "").encode()), expected):
                    raise ValueError(f"'{text[:40]}' in the column '{column.name}' is no JSON {names[expected]}")


def _type(column: Column) -> "pa.DataType":
    """The Arrow type of a column."""
    import pyarrow as pa

    return getattr(pa, {"double": "float64", "bool": "bool_"}.get(column.type, column.type))()


def arrow_schema(name: str, table: "pd.DataFrame") -> "pa.Schema":
    """The Arrow schema of a table; columns beyond the declared ones are doubles."""
    import pyarrow as pa

    declared = {column.name: column for column in TABLES[name]}
    fields = [
        pa.field(
            column.name,
            _type(column),
            metadata={"meaning": column.meaning},
        )
        for column in declared.values()
    ]
    fields += [pa.field(extra, pa.float64()) for extra in table.columns if extra not in declared]
    return pa.schema(fields, metadata={"table": name, "schema_version": str(SCHEMA_VERSION)})
