"""HDF5 files, read in blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness import UserError
from harness.data import wrong_format

if TYPE_CHECKING:
    import h5py


@contextmanager
def hdf5_array(path: Path, key: str, shape: tuple[int, ...], dtype: str) -> Iterator["h5py.Dataset"]:
    """One array of an HDF5 file, open for reading.

    Raises:
        UserError: the file is no HDF5 file, is incomplete, has no such array or one of another shape or type.
    """
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError:
        raise wrong_format(path, "an HDF5 file") from None
    with file:
        found = file.get(key)
        if not isinstance(found, h5py.Dataset):
            raise UserError(f"{path}: has no array '{key}', only: {', '.join(sorted(file))}")
        if found.shape != shape or found.dtype != np.dtype(dtype):
            raise UserError(
                f"{path}: array '{key}' is {found.dtype} {' x '.join(map(str, found.shape))}, "
                f"expected {dtype} {' x '.join(map(str, shape))}"
            )
        yield found


def hdf5_blocks(path: Path, array: "h5py.Dataset", rows: int) -> Iterator[NDArray[Any]]:
    """An array from its start, at most `rows` entries of its first axis at a time.

    Raises:
        UserError: the file ends too early or is damaged.
    """
    for start in range(0, len(array), rows):
        try:
            yield array[start : start + rows]
        except OSError:
            raise wrong_format(path, f"{len(array)} entries of '{array.name}'") from None
