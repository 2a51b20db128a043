"""dSprites as its authors publish it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings, UserError
from harness.data import BitStore, DataFile, DecodedArrays, StoredImages, decoded, pack
from harness_datasets.readers.block_copy import ROWS, copy_blocks
from harness_datasets.readers.hdf5_files import hdf5_array, hdf5_blocks
from harness_datasets.readers.npz_files import NpzArray

STEM = "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
ORIGIN = "https://github.com/google-deepmind/dsprites-dataset"


class DSprites(GroundTruthDataset, StoredImages):
    """White sprites on black, 64x64: 3 shapes, 6 scales, 40 orientations and 32 x 32 positions.

    Kept at 1 bit per pixel, 377 MB. The published colour factor has one level and is left out. The file's
    metadata, a pickled Python object, is not needed and never read.
    """

    class Config(Settings):
        format: Literal["npz", "hdf5", "any"] = Field(
            "any", description="which published file to read; any: npz where it is there, else hdf5"
        )

    source = (
        "dSprites (Matthey, Higgins, Hassabis & Lerchner, 2017), https://github.com/google-deepmind/dsprites-dataset"
    )
    store = BitStore

    SIZES: ClassVar[tuple[int, ...]] = (3, 6, 40, 32, 32)
    NPZ: ClassVar = DataFile(f"{STEM}.npz", ORIGIN, "sprites")
    HDF5: ClassVar = DataFile(
        f"{STEM}.hdf5",
        f"{ORIGIN} (the .npz, put in the same folder, does as well)",
        "sprites",
        f"{ORIGIN}/raw/master/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5",
        "sha256:729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb",
        (
            "https://raw.githubusercontent.com/google-deepmind/dsprites-dataset/master/"
            "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5",
            # The name that its owner had before, which older programs ask for.
            "https://github.com/deepmind/dsprites-dataset/raw/master/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5",
        ),
    )

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(1, 64, 64)
        shapes, scales, orientations, positions_x, positions_y = self.SIZES
        self.factors = FactorGrid(
            names=("shape", "scale", "orientation", "position_x", "position_y"),
            sizes=self.SIZES,
            values=(
                np.arange(1, shapes + 1),
                np.linspace(0.5, 1, scales),
                np.linspace(0, 2 * np.pi, orientations),
                np.linspace(0, 1, positions_x),
                np.linspace(0, 1, positions_y),
            ),
            categorical=(True, False, False, False, False),
        )

    @property
    def _file(self) -> DataFile:
        use_npz = self.config.format == "npz" or (self.config.format == "any" and self.NPZ.exists())
        return self.NPZ if use_npz else self.HDF5

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the file of either format; one of them is enough."""
        return [cls.NPZ, cls.HDF5]

    def data_files(self) -> Sequence[Path]:
        """Find the published file, which holds images and factors."""
        return [self._file.find()]

    def read(self) -> NDArray[np.uint8]:
        """The images at 1 bit per pixel, (N, 64, 8)."""
        shape = (len(self), 64, 64)
        file = self._file
        use_npz, path = file is self.NPZ, file.find()

        def decode(arrays: DecodedArrays) -> None:
            target = arrays.create("images", (len(self), 64, 8))
            if use_npz:
                array = NpzArray(path, "imgs")
                array.expect(shape, "uint8")
                copy_blocks(array.blocks(ROWS), target, "packing dSprites", packed)
            else:
                with hdf5_array(path, "imgs", shape, "uint8") as images:
                    copy_blocks(hdf5_blocks(path, images, ROWS), target, "packing dSprites", packed)

        def packed(block: NDArray[Any]) -> NDArray[np.uint8]:
            if block.max(initial=0) > 1:
                raise UserError(f"{path}: array 'imgs' has the value {block.max()}, expected only 0 and 1")
            return pack(block)

        return decoded("dsprites", ["1 bit per pixel", *shape], [path], decode)["images"]
