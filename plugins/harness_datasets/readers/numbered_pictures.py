"""Folders of pictures whose numbers are the points of a complete grid of factors."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness import GroundTruthDataset, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, StoredImages, decoded
from harness_datasets.readers.picture_files import contents, decode_pictures
from harness_datasets.readers.resizing import square


class NumberedPictures(GroundTruthDataset, StoredImages):
    """Base of sets of RGB pictures called 000000.png and so on, in the order of a grid of factors.

    A subclass sets `factors`, and `folder` where the pictures lie. Each is resized, bilinearly with antialiasing.
    """

    NAME: ClassVar[str]
    """Of the decoded copy, and in messages."""

    def __init__(self, config: Settings, image_size: int) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, image_size, image_size)

    @property
    def folder(self) -> DataFile:
        """The folder of the pictures."""
        raise NotImplementedError(f"{type(self).__name__} must know its folder")

    def data_files(self) -> list[Path]:
        """The pictures, in the order of their numbers.

        Raises:
            UserError: the folder is missing, or does not hold a picture of each number.
        """
        folder = self.folder.find()
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
            title = f"decoding {self.NAME}"
            decode_pictures(contents(paths), target, lambda picture: square(picture, size), "RGB", title)

        return decoded(self.NAME, [size], paths, decode)["images"]
