"""Teapots at a complete grid of colours and poses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings
from harness_datasets.teapots.scene import AMBIENT, DIFFUSE, SCENES, SOURCE, brightness, centred_teapot, draw

VIEWS = 8
"""Views drawn at once."""

BRIGHTEST = AMBIENT + DIFFUSE
"""How much brighter than its colour a surface is that faces the light."""


class TeapotsGrid(GroundTruthDataset):
    """`teapots` of the variant colors at every combination of so many levels of each factor.

    The levels are the middles of intervals of equal width: azimuth 0 to 2 pi, elevation 0 to pi/2, red, green and blue
    0 to 1; 20 of each by default. Each pose is drawn once and coloured as it is gathered, so the 3.2 million images
    take 400 drawings and 10 MB, and whatever shares a factor shares its value exactly.
    """

    class Config(Settings):
        image_size: int = Field(64, ge=16, le=256, description="height and width, pixels")
        levels: int = Field(20, ge=1, le=100, description="levels of each factor")

    source = SOURCE

    SMALL: ClassVar[Mapping[str, int]] = MappingProxyType({"image_size": 32, "levels": 6})
    """Settings of a small grid: 7,776 images of 32x32."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, config.image_size, config.image_size)
        middles = (np.arange(config.levels) + 0.5) / config.levels
        factors = SCENES["colors"].factors
        self.factors = FactorGrid(
            tuple(factors), [config.levels] * len(factors), [value(middles) for value in factors.values()]
        )

    def load(self, device: torch.device | str = "cpu") -> None:
        """Draw the poses on the device."""
        super().load(device)
        scene, mesh, size = SCENES["colors"], centred_teapot(self.device), self.config.image_size
        self._colourings = self.config.levels**3
        first_of_each = np.arange(0, len(self), self._colourings)
        values = torch.from_numpy(self.factors.real_values(first_of_each)).float().to(self.device)
        lit, background = [], []
        for part in torch.split(values, VIEWS):
            drawn = draw(scene, mesh, part, size)
            coverage = drawn[:, 3:]
            lit.append(_bytes(coverage * brightness(scene, drawn, part) / BRIGHTEST))
            background.append(_bytes(1 - coverage))
        self._lit, self._background = torch.cat(lit), torch.cat(background)
        everything = self.factors.real_values(np.arange(self._colourings))[:, 2:]
        self._colours = torch.from_numpy(everything * BRIGHTEST / 255).float().to(self.device)

    def memory(self) -> int:
        """Bytes of the poses: light and background as RGB."""
        return 2 * self.config.levels**2 * 3 * self.image.height * self.image.width

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 3, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        pose = indices // self._colourings
        colours = self._colours.index_select(0, indices % self._colourings)
        lit, background = self._lit.index_select(0, pose).float(), self._background.index_select(0, pose).float()
        # A surface too bright for its colour is cut off where it and the background add up to white.
        rows = background.mul_(1 / 255).addcmul_(lit, colours.repeat(1, self.image.width).unsqueeze(1)).clamp_(max=1)
        return rows.view(len(rows), self.image.height, self.image.width, 3).permute(0, 3, 1, 2)


def _bytes(planes: Tensor) -> Tensor:
    """Values in [0, 1], (N, 1, H, W), as bytes, repeated for three channels, which come last: (N, H, 3 W)."""
    return (planes[:, 0] * 255).round().byte().repeat_interleave(3, dim=-1)
