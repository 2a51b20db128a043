"""Cars3D as its authors publish it."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings, UserError
from harness.data import (
    DataFile,
    DecodedArrays,
    StoredImages,
    decoded,
    progress,
    wrong_format,
)
from harness_datasets.readers.archives import unpacked
from harness_datasets.readers.resizing import resize


class Cars3D(GroundTruthDataset, StoredImages):
    """17,568 renderings of 183 cars: 4 elevations, 24 azimuths, RGB.

    Cars are numbered by the names of their files. (Other readers use the order of a directory listing or of
    list.txt; the number of a car has no meaning, so metrics are the same.)
    """

    class Config(Settings):
        image_size: int = Field(64, ge=8, le=128, description="height and width, pixels; the originals have 128")

    source = "Cars3D (Reed, Zhang, Zhang & Lee, 2015, Deep Visual Analogy-Making)"

    OBJECTS: ClassVar = 183
    ORIGIN: ClassVar = "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz"
    FOLDER: ClassVar = DataFile("cars3d/cars", f"{ORIGIN} (its folder data/cars)", "teapots")
    ARCHIVE: ClassVar = DataFile(
        "cars3d/nips2015-analogy-data.tar.gz",
        ORIGIN,
        "teapots",
        ORIGIN,
        "md5:4e866a7919c1beedf53964e6f7a23686",
        ("http://www-personal.umich.edu/~reedscot/files/nips2015-analogy-data.tar.gz",),
    )

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, config.image_size, config.image_size)
        # Azimuths in degrees; the published elevations have no unit.
        self.factors = FactorGrid(
            names=("elevation", "azimuth", "object"),
            sizes=(4, 24, self.OBJECTS),
            values=(np.arange(4), 15 * np.arange(24), np.arange(self.OBJECTS)),
            categorical=(False, False, True),
        )

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the archive, and the folder of cars that is unpacked from it."""
        return [cls.ARCHIVE, cls.FOLDER]

    def data_files(self) -> Sequence[Path]:
        """The published files, a car each."""
        return sorted(self._find().glob("car_*_mesh.mat"))

    def _find(self) -> Path:
        return unpacked(self.FOLDER, self.ARCHIVE, "*/cars/car_*_mesh.mat")

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, 3) in grid order, resized once."""
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError

        folder, size = self._find(), self.config.image_size
        paths = sorted(folder.glob("car_*_mesh.mat"))
        if len(paths) != self.OBJECTS:
            raise UserError(f"{folder}: has {len(paths)} files car_*_mesh.mat, expected {self.OBJECTS}")

        def decode(arrays: DecodedArrays) -> None:
            target = arrays.create("images", (len(self), size, size, 3)).reshape(4, 24, self.OBJECTS, size, size, 3)
            for car, path in enumerate(progress(paths, "resizing Cars3D")):
                try:
                    found = loadmat(path, variable_names=["im"]).get("im")
                # What scipy raises for a damaged file depends on where the damage is.
                except (MatReadError, ValueError, TypeError, OSError, NotImplementedError, IndexError, KeyError):
                    raise wrong_format(path, "a Matlab file") from None
                if found is None:
                    raise UserError(f"{path}: has no array 'im'")
                if found.shape != (128, 128, 3, 24, 4) or found.dtype != np.uint8:
                    raise UserError(
                        f"{path}: array 'im' is {found.dtype} {' x '.join(map(str, found.shape))}, "
                        "expected uint8 128 x 128 x 3 x 24 x 4"
                    )
                for azimuth, elevation in np.ndindex(24, 4):
                    target[elevation, azimuth, car] = resize(found[..., azimuth, elevation], size)

        return decoded("cars3d", [size], paths, decode)["images"]
