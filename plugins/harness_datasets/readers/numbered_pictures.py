"""Folders of pictures whose numbers are the points of a complete grid of factors."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness import GroundTruthDataset, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, StoredImages, decoded
from harness_datasets.readers.archives import unpacked
from harness_datasets.readers.picture_files import contents, decode_pictures
from harness_datasets.readers.resizing import square

PAGE = "https://github.com/NVlabs/High-res-disentanglement-datasets"


class NumberedPictures(GroundTruthDataset, StoredImages):
    """Base of sets of RGB pictures called 000000.png and so on, in the order of a grid of factors.

    A subclass sets `factors` and says which archives there are. Pictures are resized, bilinearly with antialiasing.
    """

    ARCHIVE: ClassVar[str]
    """The name of the archive of pictures in full size."""
    ORIGINALS: ClassVar[Mapping[int, str]]
    """Heights and widths of the published pictures, pixels; and what Google Drive calls their archive."""

    def __init__(self, config: Settings, original: int, image_size: int) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, image_size, image_size)
        self.original = original
        self.folder = self.folder_of(original)

    @classmethod
    def folder_of(cls, original: int) -> DataFile:
        """The folder of pictures of so many pixels."""
        name = cls._name(original)
        return DataFile(
            f"{cls.ARCHIVE.lower()}/{name}/images", f"{PAGE} (its archive {name}, unpacked)", "teapots-grid"
        )

    @classmethod
    def archive_of(cls, original: int) -> DataFile:
        """The archive of these pictures, tar or zip; no checksum of it is known."""
        url = f"https://drive.usercontent.google.com/download?id={cls.ORIGINALS[original]}&export=download&confirm=t"
        return DataFile(f"{cls.ARCHIVE.lower()}/{cls._name(original)}.archive", PAGE, "teapots-grid", url)

    @classmethod
    def _name(cls, original: int) -> str:
        return cls.ARCHIVE if original == max(cls.ORIGINALS) else f"{cls.ARCHIVE}_down{original}"

    @classmethod
    def published_files(cls) -> list[DataFile]:
        """Name each archive, and the folder that is unpacked from it."""
        return [file for original in cls.ORIGINALS for file in (cls.archive_of(original), cls.folder_of(original))]

    def data_files(self) -> list[Path]:
        """The pictures, in the order of their numbers.

        Raises:
            UserError: the folder is missing, or does not hold a picture of each number.
        """
        folder = unpacked(self.folder, self.archive_of(self.original), "*/[0-9][0-9][0-9][0-9][0-9][0-9].png")
        names = [f"{number:06}.png" for number in range(len(self))]
        found = {path.name for path in folder.glob("*.png")}
        if lacking := [name for name in names if name not in found]:
            raise UserError(
                f"{folder}: lacks {len(lacking):,} of {len(names):,} pictures, {lacking[0]} the first of them; "
                f"expected {names[0]} to {names[-1]}"
            )
        if len(found) > len(names):
            other = min(found - set(names))
            raise UserError(
                f"{folder}: has {len(found):,} pictures, {other} among them; expected {names[0]} to {names[-1]} alone"
            )
        return [folder / name for name in names]

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, 3), decoded once."""
        paths, size = self.data_files(), self.image.height

        def decode(arrays: DecodedArrays) -> None:
            target = arrays.create("images", (len(self), size, size, 3))
            title = f"decoding {self.ARCHIVE}"
            decode_pictures(contents(paths), target, lambda picture: square(picture, size), "RGB", title)

        return decoded(self.ARCHIVE.lower(), [size], paths, decode)["images"]
