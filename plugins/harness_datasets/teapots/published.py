"""The data sets of 3D teapots that Eastwood & Williams and the authors of InfoGAN-CR publish as files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from harness import Field, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, decoded
from harness_datasets.readers.block_copy import ROWS, copy_blocks
from harness_datasets.readers.npz_files import NpzArray
from harness_datasets.teapots.images import GAP_MEANING, NAMES, Gap, TeapotImages, check_gap


class TeapotFiles(TeapotImages):
    """200,000 teapots, 64x64 RGB, at random values of continuous factors: 2.5 GB in memory.

    Metrics that need classes get 20 intervals of each factor, of equal width between its smallest and its largest
    value in the file. The files of infogan-cr include metric groups (500 of 100 images, 0.6 GB), which are used if
    metric_data/data.npz is there. The factors are known after loading.
    """

    class Config(Settings):
        edition: Literal["eastwood-williams", "infogan-cr"] = Field(
            "eastwood-williams",
            description="eastwood-williams: teapots.npz; infogan-cr: train_data/data.npz of their own drawing, and "
            "metric_data/data.npz where it is there",
        )
        variant: Literal["colors", "rotation", "light"] = Field(
            "colors", description="what varies in the files of infogan-cr, which do not say it: see teapots"
        )
        split: Literal["all", "train", "validation", "test"] = Field(
            "all",
            description="all images, or the first 80 %, the next 10 % or the last 10 %, as Eastwood & Williams do",
        )
        gap: Gap = Field("keep", description=f"{GAP_MEANING}; of the variant colors")

        @model_validator(mode="after")
        def _fits_together(self) -> Self:
            check_gap(self.gap, self.variant)
            if self.edition == "eastwood-williams" and self.variant != "colors":
                raise ValueError(f"the file of eastwood-williams has the variant 'colors', not '{self.variant}'")
            return self

    source = (
        "3D Teapots (Eastwood & Williams, 2018, https://github.com/cianeastwood/qedr) and its drawing by Lin et al. "
        "(2020, https://github.com/fjxmlzn/InfoGAN-CR)"
    )

    COUNT: ClassVar = 200_000
    ORIGIN: ClassVar = "https://github.com/fjxmlzn/InfoGAN-CR"
    EASTWOOD_WILLIAMS: ClassVar = DataFile("teapots/teapots.npz", "https://github.com/cianeastwood/qedr", "teapots")
    TRAINING: ClassVar = DataFile("teapots/train_data/data.npz", ORIGIN, "teapots")
    METRIC: ClassVar = DataFile("teapots/metric_data/data.npz", ORIGIN, "teapots")

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, 64, 64)

    @property
    def part(self) -> slice:
        """The images of the split, by their place in the file."""
        tenth = self.COUNT // 10
        bounds = {"all": (0, 10), "train": (0, 8), "validation": (8, 9), "test": (9, 10)}[self.config.split]
        return slice(tenth * bounds[0], tenth * bounds[1])

    @property
    def expected(self) -> int:
        """Images of the file; without those of metric groups, which may not be there."""
        return self.COUNT

    def __len__(self) -> int:
        """Images to train on; before loading those of the split, because only the file tells which are in the gap."""
        return len(self.factors) if hasattr(self, "factors") else len(range(self.COUNT)[self.part])

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the files of both authors, of which one edition is enough."""
        return [cls.EASTWOOD_WILLIAMS, cls.TRAINING, cls.METRIC]

    def data_files(self) -> Sequence[Path]:
        """The published file, and that of the metric groups where it is there."""
        if self.config.edition == "eastwood-williams":
            return [self.EASTWOOD_WILLIAMS.find()]
        return [self.TRAINING.find(), *([self.METRIC.place] if self.METRIC.exists() else [])]

    def read(self) -> NDArray[np.uint8]:
        """All images (N, 64, 64, 3) as bytes, converted once; also sets factors and groups."""
        ours = self.config.edition == "eastwood-williams"
        path = (self.EASTWOOD_WILLIAMS if ours else self.TRAINING).find()
        names = NAMES[self.config.variant]
        latents = NpzArray(path, "gts" if ours else "latents")
        latents.expect((self.COUNT, len(names)), "float32", "float64")
        self.describe(names, latents.read().astype(np.float64), self.config.gap, self.part)
        images = NpzArray(path, "images" if ours else "imgs")
        images.expect((self.COUNT, 64, 64, 3), *(("int32", "uint8") if ours else ("float32", "float64")))
        sources, groups = [path], None
        if not ours and self.METRIC.exists():
            sources.append(self.METRIC.place)
            groups = self._read_groups(self.METRIC.place, len(names))

        def decode(arrays: DecodedArrays) -> None:
            count = self.COUNT + (groups.shape[0] * groups.shape[1] if groups else 0)
            target = arrays.create("images", (count, 64, 64, 3))
            change = bytes_of_integers(path) if ours else bytes_of_shares
            copy_blocks(images.blocks(ROWS), target[: self.COUNT], "converting 3D Teapots", change)
            if groups:
                of_groups = target[self.COUNT :].reshape(groups.shape)
                rows = max(ROWS // groups.shape[1], 1)
                copy_blocks(groups.blocks(rows), of_groups, "converting its metric groups", bytes_of_shares, rows)

        return decoded("teapots-published", [self.config.edition], sources, decode)["images"]

    def _read_groups(self, path: Path, factors: int) -> NpzArray:
        """The images of metric groups, (G, L, 64, 64, 3); also sets `fixed`."""
        groups, found = NpzArray(path, "imgs"), NpzArray(path, "labels")
        groups.expect((None, None, 64, 64, 3), "float32", "float64")
        found.expect((groups.shape[0],), "int32", "int64")
        labels = found.read().astype(np.int64)
        if labels.min(initial=0) < 0 or labels.max(initial=0) >= factors:
            raise UserError(
                f"{path}: array 'labels' has values {labels.min()} to {labels.max()}, expected 0 to {factors - 1}"
            )
        self.set_groups(labels, groups.shape[1])
        return groups


def bytes_of_shares(block: NDArray[Any]) -> NDArray[np.uint8]:
    """Images in [0, 1] as bytes. They are as rendered, and bright surfaces may exceed 1."""
    pixels: NDArray[np.uint8] = (block.clip(0, 1) * 255).round().astype(np.uint8)
    return pixels


def bytes_of_integers(path: Path) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    """A function from images in 0..255, kept as other integers, to bytes; it raises a UserError for other values."""

    def change(block: NDArray[Any]) -> NDArray[np.uint8]:
        if block.min() < 0 or block.max() > 255:
            raise UserError(f"{path}: array 'images' has values {block.min()} to {block.max()}, expected 0 to 255")
        pixels: NDArray[np.uint8] = block.astype(np.uint8)
        return pixels

    return change
