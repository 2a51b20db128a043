"""Any folder of pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness import Field, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, StoredImages, decoded
from harness_datasets.readers.picture_files import contents, decode_pictures, pictures_below, suffixes
from harness_datasets.readers.picture_modes import Background
from harness_datasets.readers.resizing import square


class Folder(StoredImages):
    """Every picture in a folder and the folders inside it, in the order of their paths; hidden ones are left out.

    Of each the largest central square is taken and resized, bilinearly with antialiasing, once it is turned as its
    EXIF orientation says. Grey pictures of 16 bits are scaled to 8; floating-point ones are refused. The pictures are
    decoded once; afterwards a change is noticed if it changes the number, the names, the sizes or the times
    of the files.
    """

    class Config(Settings):
        path: str = Field(
            "pictures", min_length=1, description="the folder; a relative one is looked for below the data root"
        )
        image_size: int = Field(64, ge=8, le=1024, description="height and width, pixels")
        channels: Literal[1, 3] = Field(3, description="1: grey; 3: RGB")
        background: Background = Field("white", description="what shows through transparent pictures")

    source = "a folder of your own"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(config.channels, config.image_size, config.image_size)

    def data_files(self) -> Sequence[Path]:
        """The pictures, in the order of their paths."""
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
        paths = self.data_files()

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
