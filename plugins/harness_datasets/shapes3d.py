"""Shapes3D as its authors publish it."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness import FactorGrid, GroundTruthDataset, ImageSpec, Settings
from harness.data import DataFile, DecodedArrays, StoredImages, decoded
from harness_datasets.readers.block_copy import ROWS, copy_blocks
from harness_datasets.readers.hdf5_files import hdf5_array, hdf5_blocks


class Shapes3D(GroundTruthDataset, StoredImages):
    """480,000 rendered rooms with one object, 64x64 RGB; 5.9 GB in memory."""

    source = "3D Shapes (Burgess & Kim, 2018), https://github.com/google-deepmind/3d-shapes"

    SIZES: ClassVar[tuple[int, ...]] = (10, 10, 10, 8, 4, 15)
    FILE: ClassVar = DataFile(
        "shapes3d/3dshapes.h5",
        "https://github.com/google-deepmind/3d-shapes",
        "teapots",
        "https://storage.googleapis.com/3d-shapes/3dshapes.h5",
        "sha256:0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
    )

    def __init__(self, config: Settings) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, 64, 64)
        floor_hues, wall_hues, object_hues, scales, shapes, orientations = self.SIZES
        self.factors = FactorGrid(
            names=("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
            sizes=self.SIZES,
            values=(
                *(np.arange(n) / n for n in (floor_hues, wall_hues, object_hues)),
                np.linspace(0.75, 1.25, scales),
                np.arange(shapes),
                np.linspace(-30, 30, orientations),
            ),
            categorical=(False, False, False, False, True, False),
        )

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the one file that there is."""
        return [cls.FILE]

    def data_files(self) -> Sequence[Path]:
        """Find the published file, which holds images and factors."""
        return [self.FILE.find()]

    def read(self) -> NDArray[np.uint8]:
        """The images (N, 64, 64, 3), decompressed once."""
        path = self.FILE.find()

        def decode(arrays: DecodedArrays) -> None:
            with hdf5_array(path, "images", (len(self), 64, 64, 3), "uint8") as images:
                target = arrays.create("images", images.shape)
                copy_blocks(hdf5_blocks(path, images, ROWS), target, "decompressing Shapes3D")

        return decoded("shapes3d", [len(self)], [path], decode)["images"]
