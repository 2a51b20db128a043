"""3D Teapots, drawn instead of downloaded."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from harness.config import Field, Settings
from harness.data_files import Arrays, decoded, progress
from harness.dataset import GroundTruthDataset
from harness.factors import FactorGrid
from harness.model import ImageSpec
from harness.seeds import numpy_rng
from harness_datasets.factor_table import FactorTable
from harness_datasets.image_store import ImageStore
from harness_datasets.teapot_scene import SCENES, Values, centred_teapot, draw, shade

VIEWS = 32
"""Views drawn at once."""


class Teapots(GroundTruthDataset):
    """The Utah teapot on white, RGB with antialiasing, in the three variants of InfoGAN-CR's authors.

    - colors, the factors of Eastwood & Williams: azimuth of the teapot (0 to 2 pi), elevation of the
      camera (0 to pi/2), red, green and blue (0 to 1). The light comes from above the teapot.
    - rotation: fixed colour and any rotation: seen from a uniform direction (polar, azimuth), then turned
      in the plane of the image (angle). The light comes from above the image.
    - light: as rotation, and the light comes from a uniform direction (light_azimuth, 0 from the camera, and
      light_elevation).

    The factors are continuous. By default they form a grid: `levels` values of each, in the middles of
    intervals of equal probability; 20, because the authors' metrics cut them into as many classes. So every
    metric applies, and groups that share a factor share its value exactly. Each pose is drawn once, as the
    normals of what its pixels show, and coloured and lit as it is gathered: the 3.2 million images of the
    first variant take 400 drawings and 13 MB, the other two 8,000 and 262 MB.

    With `random_images` there are that many images instead, each at random values; 200,000 in the papers, 2.5 GB.
    They are drawn once and kept below the data root. Of the factors only the interval is known then, and
    groups share the interval.
    """

    class Config(Settings):
        """The variant, the resolution, and which values of the factors there are."""

        variant: Literal["colors", "rotation", "light"] = Field("colors", description="which factors vary")
        image_size: int = Field(64, ge=16, le=256, description="height and width, pixels")
        levels: int = Field(20, ge=1, le=100, description="levels, or intervals, of each factor")
        random_images: int | None = Field(
            None, ge=1, le=10_000_000, description="this many images at random values instead of the grid"
        )
        seed: int = Field(0, ge=0, description="which random values")

    source = (
        "3D Teapots (Eastwood & Williams, 2018, A Framework for the Quantitative Evaluation of Disentangled "
        "Representations; Lin et al., 2020, arXiv:1906.06034); drawn by our own code"
    )

    SMALL: ClassVar[Mapping[str, int]] = MappingProxyType({"image_size": 32, "levels": 6})
    """Settings of a small grid: 7,776 images of 32x32 in the variants with five factors."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, config.image_size, config.image_size)
        self._scene = SCENES[config.variant]
        self.factors = self._grid() if config.random_images is None else self._table(config.random_images)

    def load(self, device: torch.device | str = "cpu") -> None:
        """Draw the poses on the device; or bring the random images there, which are drawn once per machine.

        Raises:
            UserError: the random images cannot be written.
        """
        super().load(device)
        config = self.config
        if config.random_images is not None:
            drawn = decoded("teapots", [config.values()], [], self._draw_random)
            self._store = ImageStore(drawn["images"], self.device)
            return
        mesh = centred_teapot(self.device)
        self._levels = [torch.tensor(np.asarray(levels), device=self.device) for levels in self.factors.values]
        self._shadings = config.levels ** (len(self._levels) - self._scene.pose_factors)
        first_of_each = torch.arange(0, len(self), self._shadings, device=self.device)
        self._poses = torch.cat(
            [
                draw(self._scene, mesh, self._values(part), config.image_size).half()
                for part in torch.split(first_of_each, VIEWS)
            ]
        )

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 3, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        if self.config.random_images is not None:
            return self._store.gather(indices)
        return shade(self._scene, self._poses[indices // self._shadings].float(), self._values(indices))

    def _grid(self) -> FactorGrid:
        middles = (np.arange(self.config.levels) + 0.5) / self.config.levels
        values = [value(middles) for value in self._scene.factors.values()]
        return FactorGrid(tuple(self._scene.factors), [self.config.levels] * len(values), values)

    def _table(self, n: int) -> FactorTable:
        grid = self._grid()
        levels = (self._shares(n) * self.config.levels).astype(np.int64)
        return FactorTable(grid.names, grid.sizes, grid.values, grid.categorical, levels)

    def _values(self, indices: Tensor) -> Tensor:
        """The values of grid points (N,): float32 (N, F)."""
        columns = []
        for levels in reversed(self._levels):
            columns.append(levels[indices % len(levels)])
            indices = indices // len(levels)
        return torch.stack(columns[::-1], dim=1).float()

    def _shares(self, n: int) -> Values:
        """Uniform numbers (n, F), of which the values of random images are made."""
        rng = numpy_rng("teapots", self.config.variant, self.config.seed)
        return rng.random((n, len(self._scene.factors)))

    def _draw_random(self, arrays: Arrays) -> None:
        config, mesh = self.config, centred_teapot(self.device)
        shares = self._shares(len(self))
        values = np.stack(
            [value(share) for value, share in zip(self._scene.factors.values(), shares.T, strict=True)], 1
        )
        target = arrays.create("images", (len(self), config.image_size, config.image_size, 3))
        for start in progress(range(0, len(self), VIEWS), "drawing teapots"):
            part = torch.from_numpy(values[start : start + VIEWS]).float().to(self.device)
            images = shade(self._scene, draw(self._scene, mesh, part, config.image_size), part)
            target[start : start + VIEWS] = (images * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
