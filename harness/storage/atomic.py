"""Files of results, on disk or at a URL: written whole or not at all, and checked when they are read."""

import fcntl
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from harness.errors import DamagedFileError, StorageError, UserError, in_a_line
from harness.location import is_local, remote
from harness.seal import BLANK, is_whole, seal

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
"""Version of the files' format; readers refuse a newer one."""


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, flush it to the disk and move it there in one go; to a URL, put it in one go."""
    if not is_local(path):
        content = io.BytesIO()
        write(content)
        with storing(path):
            path.write_bytes(content.getvalue())
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def storing(path: Path, *passing: type[OSError]) -> Iterator[None]:
    """Name the place of what goes wrong while a file of results is read or written.

    Raises:
        StorageError: the disk is full, permission is denied, the network is down; errors of the types `passing`
            are raised as they are.
    """
    try:
        yield
    except passing:
        raise
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(error.errno, error.strerror or str(error), str(path)) from error
    except Exception as error:  # The library of a filesystem may raise anything; here it would be our own mistake.
        if is_local(path):
            raise
        raise StorageError(0, in_a_line(error), str(path)) from error


def read_bytes(path: Path) -> bytes:
    """The content of a file of results.

    Raises:
        StorageError: it cannot be read.
        FileNotFoundError: there is no such file.
    """
    with storing(path, FileNotFoundError):
        return path.read_bytes() if is_local(path) else remote(path).fs.cat_file(remote(path).path)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write plain data as JSON, sealed, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    content = seal(json.dumps({"schema_version": SCHEMA_VERSION, "sha256": BLANK, **data}, indent=1).encode())
    with storing(path):
        write_whole(path, lambda file: file.write(content))


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote.

    Raises:
        DamagedFileError: it is no such file.
        UserError: it comes from a newer version of the harness.
        StorageError: it cannot be read.
        FileNotFoundError: there is no such file.
    """
    return parse_json(path, read_bytes(path))


def parse_json(path: Path, content: bytes) -> dict[str, Any]:
    """What `write_json` wrote to a path, from its content; errors as of `read_json`."""
    try:
        data: dict[str, Any] = json.loads(content)
        schema_version, found = data.pop("schema_version"), data.pop("sha256", None)
        newer = schema_version > SCHEMA_VERSION
    except (ValueError, KeyError, AttributeError, TypeError):
        raise DamagedFileError(f"{path}: damaged, or not a file of this harness") from None
    if newer:
        raise UserError(f"{path}: written by a newer version of the harness; upgrade disentanglement-harness")
    if found is not None and not is_whole(content, found):
        raise DamagedFileError(f"{path}: damaged, its SHA-256 is another than when it was written")
    return data


def move(path: Path, to: Path) -> None:
    """Rename a file, over another if there is one.

    Raises:
        StorageError: it cannot be renamed.
    """
    with storing(path):
        path.rename(to)


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that it is in nobody's way and can be looked at; returns where it is now."""
    aside = path.with_name(f"{path.name}.damaged")
    move(path, aside)
    return aside


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file that the kernel frees at any death; yields whether it was got."""
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def write_table(path: Path, schema: str, table: "pd.DataFrame", facts: Mapping[str, str] | None = None) -> None:
    """Write a table as Parquet, whole or not at all, with the schema's column types and meanings.

    Args:
        path: its place.
        schema: a name of `harness.tables`.
        table: the rows.
        facts: kept in the file beside the schema.

    Raises:
        StorageError: it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from harness.tables import arrow_schema

    arrow = pa.Table.from_pandas(table, schema=arrow_schema(schema, table), preserve_index=False)
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **(facts or {}), "sha256": BLANK})
    content = io.BytesIO()
    pq.write_table(arrow, content)
    sealed = seal(content.getvalue(), at_end=True)
    with storing(path):
        write_whole(path, lambda file: file.write(sealed))


def read_table(path: Path) -> "pd.DataFrame":
    """Read what `write_table` wrote; its facts are in `attrs`.

    Raises:
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
        table: pd.DataFrame = file.read().to_pandas()
    except Exception as error:  # Damaged files raise errors of every kind.
        raise DamagedFileError(f"{path}: damaged, or not a Parquet file ({in_a_line(error)})") from None
    if "sha256" in facts and not is_whole(content, facts["sha256"]):
        raise DamagedFileError(f"{path}: damaged, its SHA-256 is another than when it was written")
    table.attrs = {name: facts[name] for name in facts if name not in ("pandas", "sha256", "ARROW:schema")}
    return table
