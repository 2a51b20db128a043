"""NumPy's npz files, read in blocks and without ever unpickling anything."""

import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from harness import UserError
from harness.data import wrong_format

NUMBERS = (
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    *("float16", "float32", "float64"),
)
"""Types of plain real numbers."""


class NpzArray:
    """One plain array in an npz file.

    Only the array that is asked for is read; other entries, such as the pickled metadata of dSprites,
    are never opened.

    Attributes:
        shape: of the whole array.
        dtype: of its elements.

    Raises:
        UserError: the file is no npz file, has no such array, or keeps it as Python objects.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with self._open() as file:
            self.shape, self.dtype = self._header(file)

    def expect(self, shape: tuple[int | None, ...], *dtypes: str) -> None:
        """Check the array's shape (None is any length) and the type of its elements (in either byte order).

        Raises:
            UserError: either is different; the message says what was found and expected.
        """
        fits = len(shape) == len(self.shape) and all(n in (None, m) for n, m in zip(shape, self.shape, strict=True))
        if not fits or self.dtype.name not in dtypes:
            lengths = " x ".join("N" if n is None else str(n) for n in shape)
            raise UserError(
                f"{self.path}: array '{self.key}' is {self.dtype} {' x '.join(map(str, self.shape))}, "
                f"expected {' or '.join(dtypes)} {lengths}"
            )

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """The array from its start, at most `rows` entries of its first axis at a time.

        Raises:
            UserError: the file ends too early or is damaged.
        """
        row_bytes = prod(self.shape[1:]) * self.dtype.itemsize
        with self._open() as file:
            self._header(file)
            for start in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - start)
                try:
                    data = file.read(count * row_bytes)
                except (BadZipFile, EOFError, zlib.error):
                    data = b""
                if len(data) < count * row_bytes:
                    raise wrong_format(self.path, f"{self.shape[0]} entries of '{self.key}'")
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])

    def read(self) -> NDArray[Any]:
        """The whole array.

        Raises:
            UserError: the file ends too early or is damaged.
        """
        return np.concatenate(list(self.blocks(max(self.shape[0], 1))))

    @staticmethod
    def has(path: Path, key: str) -> bool:
        """Whether an npz file has an array of that name."""
        try:
            with ZipFile(path) as archive:
                return f"{key}.npy" in archive.namelist()
        except BadZipFile:
            raise wrong_format(path, "an npz file") from None

    def _open(self) -> IO[bytes]:
        try:
            archive = ZipFile(self.path)
        except BadZipFile:
            raise wrong_format(self.path, "an npz file") from None
        with archive:
            try:
                # The opened entry keeps the file open beyond the archive.
                return archive.open(f"{self.key}.npy")
            except KeyError:
                names = ", ".join(sorted(name.removesuffix(".npy") for name in archive.namelist()))
                raise UserError(f"{self.path}: has no array '{self.key}', only: {names}") from None

    def _header(self, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran_order, dtype = read(file)
        except (ValueError, BadZipFile, EOFError, zlib.error):
            raise wrong_format(self.path, f"a NumPy array as '{self.key}'") from None
        if dtype.hasobject:
            raise UserError(
                f"{self.path}: array '{self.key}' holds pickled Python objects, expected plain numbers; "
                "unpickling would run code from the file, so it is refused"
            )
        if fortran_order and len(shape) > 1:
            raise UserError(f"{self.path}: array '{self.key}' is in Fortran order, expected C order")
        return shape, dtype
