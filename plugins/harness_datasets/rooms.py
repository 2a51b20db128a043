"""Rooms: a disc before a wall, on a floor; four factors that are simple enough for minutes of training."""

import numpy as np
import torch
from torch import Tensor

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings

FLOOR = ((0.0, 0.2, 0.0), (0.4, 0.9, 0.1))
WALL = ((0.0, 0.0, 1.0), (1.0, 0.1, 0.0))
OBJECT = ((1.0, 1.0, 0.0), (1.0, 1.0, 1.0))
"""The two colours between which the levels of a colour lie, red, green and blue in [0, 1]."""

HORIZON = 5 / 8
"""Where the wall ends and the floor begins, of the height from above."""
MIDDLE = (1 / 2, 9 / 16)
"""Of the disc, of the width and the height."""
RADII = (0.15, 0.42)
"""The smallest and the largest disc's, of the side."""
PARTS = 4
"""Into how many parts each side of a pixel is cut to see how much of it the disc covers."""


class Rooms(GroundTruthDataset):
    """A bright disc of some size and colour before a dark wall on a green floor: 4,096 images by default.

    Each factor moves along one line: colours between two others, not around the circle of hues, and the disc grows in
    its place. There are no symmetries and no two factors of one kind, as two positions are, so that a model of minutes
    can tell all four apart; what it shows on dSprites is another matter. A pixel at the disc's edge is mixed by how
    much of it the disc covers.
    """

    class Config(Settings):
        image_size: int = Field(16, ge=8, le=512, multiple_of=8, description="height and width, pixels")
        colors: int = Field(8, ge=1, le=1000, description="levels of each of the three colours, 0 to 1")
        sizes: int = Field(8, ge=1, le=1000, description="levels of the disc's radius, 0.15 to 0.42 of the side")

    source = "of our own; in the manner of 3D Shapes (https://github.com/google-deepmind/3d-shapes)"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, config.image_size, config.image_size)
        shares = np.linspace(0, 1, config.colors)
        self.factors = FactorGrid(
            ("floor_color", "wall_color", "object_color", "size"),
            (config.colors,) * 3 + (config.sizes,),
            (shares,) * 3 + (np.linspace(*RADII, config.sizes),),
        )

    def load(self, device: torch.device | str = "cpu") -> None:
        """Draw the disc of each size, and the colours of each level."""
        super().load(device)
        side, (colors, _, _, radii) = self.config.image_size, map(np.asarray, self.factors.values)
        self._discs = torch.stack([_covered(side, float(radius)) for radius in radii]).to(self.device)
        shares = torch.tensor(colors, dtype=torch.float32)[:, None]
        self._colors = [
            torch.lerp(torch.tensor(first), torch.tensor(last), shares).to(self.device)
            for first, last in (FLOOR, WALL, OBJECT)
        ]
        self._floor = (torch.arange(side, device=self.device) >= HORIZON * side)[:, None]
        self._bases = torch.tensor([self.config.colors**2, self.config.colors, 1], device=self.device)

    def memory(self) -> int:
        """Bytes of the discs, float32."""
        return 4 * self.config.sizes * self.config.image_size**2

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 3, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        colors, size = indices // self.config.sizes, indices % self.config.sizes
        levels = colors[:, None] // self._bases % self.config.colors
        floor, wall, thing = (
            table.index_select(0, level)[:, :, None, None] for table, level in zip(self._colors, levels.T, strict=True)
        )
        disc = self._discs.index_select(0, size)[:, None]
        return torch.lerp(torch.where(self._floor, floor, wall), thing, disc)


def _covered(side: int, radius: float) -> Tensor:
    """How much of each pixel (side, side) a disc covers, 0 to 1; its radius is a share of the side."""
    points = (torch.arange(side * PARTS) + 0.5) / (side * PARTS)
    inside = (points - MIDDLE[0]) ** 2 + (points[:, None] - MIDDLE[1]) ** 2 <= radius**2
    return inside.view(side, PARTS, side, PARTS).float().mean((1, 3))
