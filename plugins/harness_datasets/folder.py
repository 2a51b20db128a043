"""Any folder of pictures, with or without a table of their factors."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, StoredImages, decoded
from harness_datasets.readers.block_copy import ROWS
from harness_datasets.readers.factor_files import observed, pictures_of, read_factor_file
from harness_datasets.readers.npz_files import NUMBERS, NpzArray
from harness_datasets.readers.picture_files import contents, decode_pictures, pictures_below, suffixes
from harness_datasets.readers.picture_modes import Background
from harness_datasets.readers.resizing import square, to_picture, to_pixels


class Folder(StoredImages):
    """Every picture in a folder and the folders inside it, in the order of their paths; hidden ones are left out.

    Of each the largest central square is taken and resized, bilinearly with antialiasing, once it is turned as its
    EXIF orientation says. Grey pictures of 16 bits are scaled to 8; floating-point ones are refused. The pictures are
    decoded once, and again when a file is added, replaced or changed.

    With `factors` it has ground truth: the pictures are those that a CSV or Parquet file names in its column `file`,
    and every other column is a factor. Instead of a folder an npz file may hold both, `images` (N, H, W) or
    (N, H, W, C) of bytes and `factors` (N, F), and `names` (F,) of the factors if it likes.
    """

    class Config(Settings):
        path: str = Field(
            "pictures",
            min_length=1,
            description="the folder, or an npz file; a relative one is looked for below the data root",
        )
        image_size: int = Field(64, ge=8, le=1024, description="height and width, pixels")
        channels: Literal[1, 3] = Field(3, description="1: grey; 3: RGB")
        background: Background = Field("white", description="what shows through transparent pictures")
        factors: str = Field(
            "", description="a CSV or Parquet file of factors; a relative path is looked for in the folder"
        )
        continuous: list[str] | None = Field(
            None,
            description="factors that are cut into 20 intervals; by default those of real numbers with more than 64 "
            "different values",
        )
        categorical: list[str] = Field([], description="factors whose levels have no order; texts never have one")

    source = "a folder of your own"

    config: Config

    def __new__(cls, config: Config) -> "Folder":
        """A folder with ground truth is an object of another class, since that decides which metrics apply."""
        if cls is Folder and config.path.lower().endswith(".npz"):
            return super().__new__(ArraysWithFactors)
        return super().__new__(FolderWithFactors if cls is Folder and config.factors else cls)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(config.channels, config.image_size, config.image_size)

    def data_files(self) -> Sequence[Path]:
        """The pictures, in the order of their paths."""
        return self.pictures()

    def pictures(self) -> Sequence[Path]:
        """The picture that each image is made of.

        Raises:
            UserError: there is none.
        """
        folder = self._folder.find()
        paths = pictures_below(folder)
        if not paths:
            raise UserError(f"{folder}: has no pictures ({', '.join(sorted(suffixes()))})")
        return paths

    @property
    def _folder(self) -> DataFile:
        return DataFile(self.config.path, "wherever your pictures are", "digits")

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, C), decoded once."""
        paths = self.pictures()

        def decode(arrays: DecodedArrays) -> None:
            size, channels = self.config.image_size, self.config.channels
            target = arrays.create("images", (len(paths), size, size, channels))
            decode_pictures(
                contents(paths),
                target,
                lambda picture: square(picture, size),
                "RGB" if channels == 3 else "L",
                f"decoding {self._folder.place.name}",
                self.config.background,
            )

        name = Path(self.config.path).name or "folder"
        recipe = [self.config.image_size, self.config.channels, self.config.background]
        return decoded(name, recipe, paths, decode)["images"]


class WithFactors(GroundTruthDataset, Folder):
    """Pictures with a table of their factors, a complete grid or not; the table is read when it is asked for."""

    @cached_property
    def observed(self) -> tuple[FactorGrid, NDArray[np.int64]]:
        """The factors, and the row of the table that shows each image (N,).

        Raises:
            UserError: the table is missing or wrong.
        """
        table, path = self.table()
        return observed(table, path, self.config.continuous, self.config.categorical)

    def table(self) -> tuple[pd.DataFrame, Path]:
        """A column for each factor, and the file it comes from.

        Raises:
            UserError: the file is missing or wrong.
        """
        raise NotImplementedError(f"{type(self).__name__} must read its table")

    @property
    def factors(self) -> FactorGrid:  # type: ignore[override]
        """The factors that the table gives for the pictures, in their order."""
        return self.observed[0]

    @property
    def expected(self) -> int | None:
        """Number of images, where there is a table to tell it."""
        try:
            return len(self)
        except UserError:
            return None


class FolderWithFactors(WithFactors):
    """Pictures that a table names."""

    @property
    def _table(self) -> Path:
        return DataFile(str(Path(self.config.path, self.config.factors)), "whoever made the pictures", "teapots").find()

    def data_files(self) -> Sequence[Path]:
        """The table and the pictures that it names."""
        return [self._table, *self.pictures()]

    def pictures(self) -> Sequence[Path]:
        """The picture that shows each combination of factors, or each row."""
        found = pictures_of(*self.table(), self._folder.find())
        return [found[row] for row in self.observed[1]]

    def table(self) -> tuple[pd.DataFrame, Path]:
        """Read the table, as it stands in its file, and return the file too."""
        return read_factor_file(self._table), self._table


class ArraysWithFactors(WithFactors):
    """An npz file of images and factors."""

    def data_files(self) -> Sequence[Path]:
        """Find the npz file, which holds images and factors."""
        return [self._folder.find()]

    def table(self) -> tuple[pd.DataFrame, Path]:
        """The arrays `factors` and `names`."""
        path = self._folder.find()
        factors = NpzArray(path, "factors")
        factors.expect((self._images.shape[0], None), *NUMBERS)
        names = [f"factor{number}" for number in range(factors.shape[1])]
        if NpzArray.has(path, "names"):
            names = [str(name) for name in NpzArray(path, "names").read()]
        if len(set(names)) != factors.shape[1]:
            raise UserError(f"{path}: array 'names' has {len(set(names))} different names, expected {factors.shape[1]}")
        return pd.DataFrame(factors.read(), columns=names), path

    @property
    def _images(self) -> NpzArray:
        path = self._folder.find()
        images = NpzArray(path, "images")
        channels = images.shape[3:] if len(images.shape) == 4 and images.shape[3] in (1, 3) else ()
        images.expect((None, None, None, *channels), "uint8")
        if 0 in images.shape:
            raise UserError(f"{path}: array 'images' is empty")
        return images

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, C), resized once and in the order of the factors."""
        path, (_, order), images = self._folder.find(), self.observed, self._images
        size, mode = self.config.image_size, "RGB" if self.config.channels == 3 else "L"
        place = np.argsort(order)

        def decode(arrays: DecodedArrays) -> None:
            target = arrays.create("images", (len(order), size, size, self.config.channels))
            row = 0
            for block in images.blocks(ROWS):
                for image in block.reshape(*block.shape[:3], -1):
                    target[place[row]] = to_pixels(square(to_picture(image).convert(mode), size))
                    row += 1

        recipe = [size, mode, self.config.continuous, self.config.categorical]
        return decoded(path.stem, recipe, [path], decode)["images"]
