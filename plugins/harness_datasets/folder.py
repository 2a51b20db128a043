"""Any folder of pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness import Field, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, StoredImages, decoded
from harness_datasets.readers.picture_files import SUFFIXES, decode_pictures
from harness_datasets.readers.resizing import square


class Folder(StoredImages):
    """Every picture in a folder and the folders inside it, in the order of their paths.

    Of each the largest central square is taken and resized, bilinearly with antialiasing. The pictures are
    decoded once; afterwards a change is noticed if it changes the number, the names, the sizes or the times
    of the files.
    """

    class Config(Settings):
        path: str = Field(
            "pictures", min_length=1, description="the folder; a relative one is looked for below the data root"
        )
        image_size: int = Field(64, ge=8, le=1024, description="height and width, pixels")
        channels: Literal[1, 3] = Field(3, description="1: grey; 3: RGB")

    source = "a folder of your own"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(config.channels, config.image_size, config.image_size)

    def data_files(self) -> Sequence[Path]:
        """The pictures, in the order of their paths."""
        folder = self._folder.find()
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not paths:
            raise UserError(f"{folder}: has no pictures ({', '.join(sorted(SUFFIXES))})")
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
                ((str(path), path.read_bytes()) for path in paths),
                target,
                lambda picture: square(picture, size),
                "RGB" if channels == 3 else "L",
                f"decoding {self._folder.place.name}",
            )

        name = Path(self.config.path).name or "folder"
        return decoded(name, [self.config.image_size, self.config.channels], paths, decode)["images"]
