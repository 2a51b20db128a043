"""LSUN bedrooms as their authors publish them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from harness import Field, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, StoredImages, decoded, wrong_format
from harness_datasets.readers.archives import unpacked
from harness_datasets.readers.picture_files import decode_pictures
from harness_datasets.readers.resizing import square


class LSUNBedroom(StoredImages):
    """3,033,042 pictures of bedrooms (or the 300 for validation), RGB: the largest central square, resized.

    Decoded they take 37 GB at 64x64, once on the disk and, where it fits, on the device. Reading the
    published database needs the package lmdb. (torchvision's class for LSUN unpickles a file that it looks for in the
    current folder, so it is not used.)
    """

    class Config(Settings):
        split: Literal["train", "val"] = Field("train", description="which of the published parts")
        image_size: int = Field(64, ge=8, le=256, description="height and width, pixels")

    source = "LSUN (Yu et al., 2015, arXiv:1506.03365), https://github.com/fyu/lsun"

    COUNTS: ClassVar = {"train": 3_033_042, "val": 300}

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, config.image_size, config.image_size)

    @property
    def expected(self) -> int:
        """Pictures of the published part."""
        return self.COUNTS[self.config.split]

    @property
    def folder(self) -> DataFile:
        """The folder of the published database, as the authors' archive unpacks to it."""
        return _database_file(self.config.split)

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name each archive, and the folder of the database that is unpacked from it."""
        return [file for split in cls.COUNTS for file in (_archive(split), _database_file(split))]

    def data_files(self) -> Sequence[Path]:
        """Find the one file of the database that holds data; the other is a lock."""
        return [self._find() / "data.mdb"]

    def _find(self) -> Path:
        return unpacked(self.folder, _archive(self.config.split), "*/data.mdb")

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, 3) in the order of the database's keys, decoded once."""
        folder, size = self._find(), self.config.image_size
        file = folder / "data.mdb"
        if not file.is_file():
            raise UserError(f"{folder}: has no file data.mdb, expected an LMDB database")

        def decode(arrays: DecodedArrays) -> None:
            count, pictures = _database(folder)
            target = arrays.create("images", (count, size, size, 3))
            decode_pictures(pictures, target, lambda picture: square(picture, size), "RGB", "decoding LSUN")

        return decoded("lsun-bedroom", [size], [file], decode)["images"]


def _database_file(split: str) -> DataFile:
    page = "https://github.com/fyu/lsun (its download.py with -c bedroom, then unzip)"
    return DataFile(f"lsun/bedroom_{split}_lmdb", page, "digits")


def _archive(split: str) -> DataFile:
    """The archive as the authors' download.py fetches it: 43 GB of training pictures; no checksum is known."""
    name = f"bedroom_{split}_lmdb.zip"
    return DataFile(f"lsun/{name}", "https://github.com/fyu/lsun", "digits", f"http://dl.yf.io/lsun/scenes/{name}")


def _database(folder: Path) -> tuple[int, Iterator[tuple[str, bytes]]]:
    """The number of pictures in an LMDB database, and each with its key."""
    try:
        import lmdb
    except ImportError:
        raise UserError(f"{folder}: reading it needs the package lmdb; pip install lmdb") from None

    try:
        # Without a lock the database may lie on a disk that cannot be written to.
        environment = lmdb.open(str(folder), readonly=True, lock=False, readahead=False)
        count, page = environment.stat()["entries"], environment.stat()["psize"]
        size = (environment.info()["last_pgno"] + 1) * page
    except lmdb.Error:
        raise wrong_format(folder / "data.mdb", "an LMDB database") from None
    # The file is mapped into memory, and reading beyond its end would kill the process.
    if (folder / "data.mdb").stat().st_size < size:
        raise wrong_format(folder / "data.mdb", f"an LMDB database of {size:,} bytes")
    if not count:
        raise UserError(f"{folder}: has no pictures")

    def pictures() -> Iterator[tuple[str, bytes]]:
        with environment, environment.begin() as transaction:
            for key, data in transaction.cursor():
                yield f"{folder}/{key.decode(errors='replace')}", data

    return count, pictures()
