"""The matrix files of NORB: called .mat, but not Matlab's."""

import gzip
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import UserError
from harness.data import wrong_format

TYPES = {
    0x1E3D4C51: "<f4",
    0x1E3D4C53: "<f8",
    0x1E3D4C54: "<i4",
    0x1E3D4C55: "u1",
    0x1E3D4C56: "<i2",
}
"""The element type of each magic number. Bytes are unsigned: they are grey values."""


def read_norb(path: Path, dtype: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """One matrix, from a file as published (.gz) or decompressed.

    The format: a magic number that names the element type, the number of axes, the length of each (three at
    least, the superfluous ones without meaning), all int32, and the elements; everything little-endian.

    Args:
        path: the file.
        dtype: the expected element type, as NumPy names it.
        shape: the expected shape; None is any length.

    Raises:
        UserError: the file is in another format, ends too early or holds something else.
    """
    expected = f"a NORB matrix of {dtype} {' x '.join('N' if n is None else str(n) for n in shape)}"
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise wrong_format(path, f"{expected}, compressed") from None
    if len(data) < 20 or int.from_bytes(data[:4], "little") not in TYPES:
        raise wrong_format(path, expected)
    found = np.dtype(TYPES[int.from_bytes(data[:4], "little")])
    axes = int.from_bytes(data[4:8], "little")
    lengths = tuple(np.frombuffer(data, "<i4", axes, 8).tolist()) if 0 < axes <= 8 else ()
    if len(lengths) != len(shape) or any(n not in (None, m) for n, m in zip(shape, lengths, strict=True)):
        raise UserError(f"{path}: is a matrix of {found.name} {' x '.join(map(str, lengths))}, expected {expected}")
    if found.name != dtype:
        raise UserError(f"{path}: is a matrix of {found.name}, expected {expected}")
    start = 8 + 4 * max(axes, 3)
    if len(data) != start + prod(lengths) * found.itemsize:
        raise wrong_format(path, f"{expected} with {prod(lengths) * found.itemsize} bytes of elements")
    return np.frombuffer(data, found, offset=start).reshape(lengths)
