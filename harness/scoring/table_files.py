"""Files of arrays and tables made elsewhere, read without running anything in them: npz, Parquet and CSV."""

import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from harness.data.column_files import MOST_BYTES, PARQUET, factor_columns, read_columns
from harness.errors import UserError

Arrays = dict[str, NDArray[Any]]

TABLES = (*PARQUET, ".csv")

FACTOR = "factor"
"""What the names of columns of factors begin with, in a table that holds codes too."""


def is_table_file(name: str) -> bool:
    """Whether a text names a file, which may be of a kind that is refused, rather than a dataset."""
    return name.lower().endswith((".npz", ".npy", *TABLES))


def read_arrays(path: Path, *, both: bool = True) -> dict[str, Any]:
    """Read a file of codes: every array of an npz file, or the columns of a table as data frames.

    Args:
        path: ends in .parquet, .pq or .csv for a table; anything else is taken for an npz file.
        both: whether columns of a table whose names begin with "factor" are factors; otherwise all are codes.

    Raises:
        UserError: the file cannot be read.
    """
    if path.suffix.lower() not in TABLES:
        return dict(read_npz(path))
    table = read_columns(path)
    factors = [name for name in table.columns if both and str(name).lower().startswith(FACTOR)]
    found = {"codes": table.drop(columns=factors)}
    return {**found, "factors": table[factors]} if factors else found


def read_factors(path: Path) -> Any:
    """Read a file of factors: the array `factors` of an npz file, or its only one; or the columns of a table.

    A column `file` that names pictures, as beside a dataset of them, is no factor.

    Raises:
        UserError: the file cannot be read, or it is not clear which array is meant.
    """
    if path.suffix.lower() in TABLES:
        return factor_columns(read_columns(path))
    arrays = read_npz(path)
    if "factors" not in arrays and len(arrays) != 1:
        raise UserError(f"{path}: there is no array 'factors'; it has {', '.join(arrays) or 'none'}")
    return arrays["factors"] if "factors" in arrays else next(iter(arrays.values()))


def read_npz(path: Path) -> Arrays:
    """The arrays of an npz file; pickled content is refused, never run.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            _check_archive(path, stream)
            with np.load(stream, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except Exception:  # Damaged archives, and those of Python objects, raise errors of every kind.
        raise UserError(
            f"{path}: not an npz file of plain arrays, as numpy.savez writes them: damaged, or of Python objects"
        ) from None


def _check_archive(path: Path, stream: IO[bytes]) -> None:
    """Make sure that a file is an archive and unfolds to no more than a memory holds.

    Raises:
        UserError: it is none, or does not.
    """
    if not zipfile.is_zipfile(stream):
        stream.seek(0)
        single = stream.read(6) == b"\x93NUMPY"
        found = "this is a single array; " if single else ""
        raise UserError(f"{path}: {found}expected an npz file of named arrays: numpy.savez(FILE, codes=...)")
    with zipfile.ZipFile(stream) as archive:
        unfolded = sum(each.file_size for each in archive.infolist() if each.compress_type != zipfile.ZIP_STORED)
    if unfolded > MOST_BYTES:
        raise UserError(
            f"{path}: its arrays unfold to {unfolded / 1e9:.3g} GB; one of that size is read only if it is written by "
            "numpy.savez, not compressed"
        )
    stream.seek(0)
