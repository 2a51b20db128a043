"""3D Teapots as its two groups of authors publish them."""

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from harness.config import Field, Settings
from harness.data_files import Arrays, DataFile, decoded
from harness.dataset import GroundTruthDataset
from harness.errors import UserError
from harness.model import ImageSpec
from harness_datasets.block_copy import ROWS, copy_blocks
from harness_datasets.factor_table import FactorTable
from harness_datasets.image_store import StoredImages
from harness_datasets.npz_files import NpzArray

BINS = 20
"""Intervals that the authors' metrics cut each continuous factor into."""


class TeapotFiles(GroundTruthDataset, StoredImages):
    """200,000 teapots, 64x64 RGB, at random values of five continuous factors: 2.5 GB in memory.

    Each factor is cut into 20 intervals of equal width between its smallest and its largest value in the
    file; groups that share a factor share its interval. The factors are known after loading.
    """

    class Config(Settings):
        """Whose file, and what varies in it."""

        edition: Literal["eastwood-williams", "infogan-cr"] = Field(
            "eastwood-williams",
            description="eastwood-williams: teapots.npz; infogan-cr: train_data/data.npz of their own drawing",
        )
        variant: Literal["colors", "light"] = Field(
            "colors", description="what varies in the file of infogan-cr, which does not say it: see teapots"
        )

    source = (
        "3D Teapots (Eastwood & Williams, 2018, https://github.com/cianeastwood/qedr) and its drawing by Lin et al. "
        "(2020, https://github.com/fjxmlzn/InfoGAN-CR)"
    )

    COUNT: ClassVar = 200_000
    NAMES: ClassVar = {
        "colors": ("azimuth", "elevation", "red", "green", "blue"),
        "light": ("angle", "polar", "azimuth", "light_azimuth", "light_elevation"),
    }
    FILES: ClassVar = {
        "eastwood-williams": DataFile("teapots/teapots.npz", "https://github.com/cianeastwood/qedr", "teapots"),
        "infogan-cr": DataFile("teapots/train_data/data.npz", "https://github.com/fjxmlzn/InfoGAN-CR", "teapots"),
    }

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, 64, 64)

    def __len__(self) -> int:
        return self.COUNT

    def read(self) -> NDArray[np.uint8]:
        """The images (N, 64, 64, 3) as bytes, converted once; also sets the factors."""
        bytes_as_int32 = self.config.edition == "eastwood-williams"
        path = self.FILES[self.config.edition].find()
        latents = NpzArray(path, "gts" if bytes_as_int32 else "latents")
        latents.require((self.COUNT, 5), "float32", "float64")
        self.factors = self._table(latents.read().astype(np.float64))

        def decode(arrays: Arrays) -> None:
            images = NpzArray(path, "images" if bytes_as_int32 else "imgs")
            images.require((self.COUNT, 64, 64, 3), *(("int32", "uint8") if bytes_as_int32 else ("float32", "float64")))
            target = arrays.create("images", images.shape)
            copy_blocks(images.blocks(ROWS), target, "converting 3D Teapots", to_bytes)

        def to_bytes(block: NDArray[Any]) -> NDArray[np.uint8]:
            if not bytes_as_int32:
                # As rendered: bright surfaces may exceed 1.
                return (block.clip(0, 1) * 255).round().astype(np.uint8)
            if block.min() < 0 or block.max() > 255:
                raise UserError(f"{path}: array 'images' has values {block.min()} to {block.max()}, expected 0 to 255")
            return block.astype(np.uint8)

        return decoded("teapots", [self.config.edition], [path], decode)["images"]

    def _table(self, latents: NDArray[np.float64]) -> FactorTable:
        low, high = latents.min(axis=0), latents.max(axis=0)
        width = np.where(high > low, (high - low) / BINS, 1)
        levels = ((latents - low) / width).astype(np.int64).clip(max=BINS - 1)
        middles = low[:, None] + width[:, None] * (np.arange(BINS) + 0.5)
        return FactorTable(self.NAMES[self.config.variant], (BINS,) * 5, list(middles), (False,) * 5, levels)
