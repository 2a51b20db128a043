"""SmallNORB as its authors publish it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Indices, Settings, UserError
from harness.data import DataFile, DecodedArrays, FactorTable, StoredImages, decoded, progress
from harness_datasets.readers.norb_format import read_norb
from harness_datasets.readers.resizing import resize

_PAGE = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
_OLDER_PAGE = "https://www.cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
_PARTS = {
    "training": ("5x46789x9x18x6x2x96x96-training", 24_300),
    "testing": ("5x01235x9x18x6x2x96x96-testing", 24_300),
}
_CHECKSUMS = {
    "training-dat": "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
    "training-cat": "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
    "training-info": "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32",
    "testing-dat": "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
    "testing-cat": "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
    "testing-info": "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2",
}


class SmallNORB(GroundTruthDataset, StoredImages):
    """48,600 grey photographs of 50 toys: the left of each stereo pair, training and test sets together.

    By default the factors are those of the literature, category, elevation, azimuth and lighting; which of
    a category's ten toys (instance) is shown is then random, so that ten images share each combination.
    Image i is always grid point i of category x instance x elevation x azimuth x lighting.
    """

    class Config(Settings):
        image_size: int = Field(64, ge=8, le=96, description="height and width, pixels; the originals have 96")
        instance: bool = Field(False, description="whether the instance is a factor too, which completes the grid")

    source = "SmallNORB (LeCun, Huang & Bottou, 2004), https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"

    SIZES: ClassVar[tuple[int, ...]] = (5, 10, 9, 18, 6)
    NAMES: ClassVar = ("category", "instance", "elevation", "azimuth", "lighting")

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(1, config.image_size, config.image_size)
        categories, instances, elevations, azimuths, lightings = self.SIZES
        # Degrees: elevations from 30 in steps of 5, azimuths in steps of 20.
        values = (
            np.arange(categories),
            np.arange(instances),
            30 + 5 * np.arange(elevations),
            20 * np.arange(azimuths),
            np.arange(lightings),
        )
        categorical = (True, True, False, False, True)
        self._grid = FactorGrid(self.NAMES, self.SIZES, values, categorical)
        self.factors = self._grid if config.instance else self._without_instance()

    def _without_instance(self) -> FactorTable:
        kept = [factor for factor, name in enumerate(self.NAMES) if name != "instance"]
        return FactorTable(
            [self._grid.names[factor] for factor in kept],
            [self._grid.sizes[factor] for factor in kept],
            [self._grid.values[factor] for factor in kept],
            [self._grid.categorical[factor] for factor in kept],
            self._grid.ids(np.arange(len(self._grid)))[:, kept],
        )

    @staticmethod
    def file(part: str, kind: str) -> DataFile:
        """One of the six published files; a decompressed one is taken where it lies beside or instead."""
        name = f"smallnorb-{_PARTS[part][0]}-{kind}.mat"
        plain = DataFile(f"smallnorb/{name}", _PAGE, "sprites")
        if plain.exists():
            return plain
        return DataFile(
            f"smallnorb/{name}.gz",
            _PAGE,
            "sprites",
            _PAGE + f"{name}.gz",
            "sha256:" + _CHECKSUMS[f"{part}-{kind}"],
            (f"{_OLDER_PAGE}{name}.gz",),
        )

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the six files, three of training and three of testing."""
        return [cls.file(part, kind) for part in _PARTS for kind in ("dat", "cat", "info")]

    def data_files(self) -> Sequence[Path]:
        """The six published files."""
        return [self.file(part, kind).find() for part in _PARTS for kind in ("dat", "cat", "info")]

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, 1) in grid order, resized once."""
        files = {(part, kind): self.file(part, kind).find() for part in _PARTS for kind in ("dat", "cat", "info")}
        size = self.config.image_size

        def decode(arrays: DecodedArrays) -> None:
            target = arrays.create("images", (len(self._grid), size, size, 1))
            filled = np.zeros(len(self._grid), dtype=bool)
            for part in _PARTS:
                pairs = read_norb(files[part, "dat"], "uint8", (None, 2, 96, 96))
                category = read_norb(files[part, "cat"], "int32", (len(pairs),))
                information = read_norb(files[part, "info"], "int32", (len(pairs), 4))
                instance, elevation, azimuth, lighting = information.T
                # Azimuths are numbered 0, 2, ..., 34.
                ids = np.stack([category, instance, elevation, azimuth // 2, lighting], axis=1)
                self._check(files[part, "info"], ids)
                indices = self._grid.indices(ids)
                filled[indices] = True
                images: NDArray[Any] = pairs[:, 0, :, :, None]
                for index, image in progress(list(zip(indices, images, strict=True)), "resizing SmallNORB"):
                    target[index] = resize(image, size)
            if not filled.all():
                raise UserError(
                    f"{files['training', 'info'].parent}: the files hold {filled.sum()} combinations of factors, "
                    f"expected all {len(filled)}"
                )

        return decoded("smallnorb", [size, self.SIZES], list(files.values()), decode)["images"]

    def _check(self, path: object, ids: Indices) -> None:
        if (ids < 0).any() or (ids >= self.SIZES).any():
            raise UserError(
                f"{path}: categories, instances, elevations, halved azimuths and lightings reach "
                f"{ids.max(axis=0).tolist()}, expected {[size - 1 for size in self.SIZES]}"
            )
