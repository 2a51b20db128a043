"""The factor grid of dSprites, drawn instead of downloaded."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import field_validator
from torch import Tensor

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings
from harness.data import BitStore
from harness_datasets.sprites.backgrounds import DRESSES, Dress, Variant
from harness_datasets.sprites.shapes import SHAPES, Shape


class Sprites(GroundTruthDataset):
    """White sprites on black: every combination of shape, scale, orientation and position.

    By default the 737,280 images of dSprites, in its order and with its values: shape (square,
    ellipse, heart) 1, 2, 3; scale 0.5 to 1; orientation 0 to 2 pi, counter-clockwise; position x
    rightwards and position y downwards, 0 to 1, where the sprite's centre moves over the middle half
    of the image. A pixel is 1 if its centre lies in the sprite and 0 otherwise. `shapes` says how
    close the outlines come to the published ones.

    Fewer levels of a factor spread evenly over the same range; a factor with one level stays at its
    largest scale, at orientation 0 or in the middle of the image. `SMALL` is a grid for quick runs.

    The variants with colour and with backgrounds are dressed as they are gathered; their random parts take at most
    21 MB more at the default settings.
    """

    class Config(Settings):
        image_size: int = Field(
            64,
            ge=8,
            le=512,
            multiple_of=8,
            description="height and width, pixels; a multiple of 8; sprites scale with it",
        )
        shapes: tuple[Literal["square", "ellipse", "heart"], ...] = Field(
            ("square", "ellipse", "heart"), min_length=1, description="which shapes, each once"
        )
        scales: int = Field(6, ge=1, le=1000, description="levels of scale, 0.5 to 1")
        orientations: int = Field(40, ge=1, le=1000, description="levels of orientation, 0 to 2 pi")
        orientation_end: bool = Field(
            True,
            description="whether 2 pi is itself a level, as in dSprites, although it gives the same images as 0. "
            "Without it choose an odd number of orientations: an even one turns ellipses, and a multiple of 4 turns "
            "squares, exactly onto themselves",
        )
        positions_x: int = Field(32, ge=1, le=1000, description="levels of horizontal position, left to right")
        positions_y: int = Field(32, ge=1, le=1000, description="levels of vertical position, top to bottom")
        variant: Variant = Field(
            "plain",
            description="plain: white on black; color: in random colours on black; noisy: white on noise; "
            "painted: inverted on random parts of a picture of ours; all but plain are RGB",
        )
        variant_seed: int = Field(0, ge=0, description="which random colours and backgrounds")

        @field_validator("shapes")
        @classmethod
        def _each_once(cls, shapes: tuple[str, ...]) -> tuple[str, ...]:
            if len(set(shapes)) < len(shapes):
                raise ValueError("each shape once")
            return shapes

    source = "dSprites (Matthey et al., 2017), https://github.com/deepmind/dsprites-dataset; drawn by our own code"

    SMALL: ClassVar[Mapping[str, int | bool]] = MappingProxyType(
        {"image_size": 32, "orientations": 13, "orientation_end": False, "positions_x": 8, "positions_y": 8}
    )
    """Settings of a small grid, 3 x 6 x 13 x 8 x 8 = 14,976 images of 32x32, of which 14,784 differ.

    With 12 orientations only 8,032 of 13,824 would: squares and ellipses look alike at several of them.
    """

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(1 if config.variant == "plain" else 3, config.image_size, config.image_size)
        self._dress: Dress | None = None
        values = (
            [SHAPES[name].label for name in config.shapes],
            np.linspace(0.5, 1, config.scales) if config.scales > 1 else [1.0],
            np.linspace(0, 2 * np.pi, config.orientations, endpoint=config.orientation_end),
            _positions(config.positions_x),
            _positions(config.positions_y),
        )
        self.factors = FactorGrid(
            names=("shape", "scale", "orientation", "position_x", "position_y"),
            sizes=[len(levels) for levels in values],
            values=values,
            categorical=(True, False, False, False, False),
        )

    def load(self, device: torch.device | str = "cpu") -> None:
        """Draw the whole grid on the device, which keeps it at 1 bit per pixel: 377 MB at the default settings."""
        super().load(device)
        size = self.config.image_size
        _, scales, orientations, positions_x, positions_y = (np.asarray(levels) for levels in self.factors.values)
        x, y = self._offsets(positions_x), self._offsets(positions_y)
        grid = torch.empty((*self.factors.sizes, size, size // 8), dtype=torch.uint8, device=self.device)
        for i, name in enumerate(self.config.shapes):
            for j, scale in enumerate(scales):
                for k, orientation in enumerate(orientations):
                    grid[i, j, k] = _draw(SHAPES[name], x / scale, y / scale, orientation)
        self._store = BitStore(grid.view(len(self), size, size // 8), self.device, self.image.channels)
        if dress := DRESSES.get(self.config.variant):
            self._dress = dress(len(self), size, self.config.variant_seed, self.device)

    def memory(self) -> int:
        """Bytes of the bit-packed grid and, after `load`, of what the variant needs."""
        return len(self) * BitStore.bytes_of(self.image) + (self._dress.nbytes if self._dress else 0)

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, C, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`.

        C is 1 for the plain variant, where each pixel is 0 or 1, and 3 for the others; see `backgrounds`.
        """
        if self._dress is None:
            return self._store.gather(indices)
        return self._dress(self._store.rows(indices), indices)

    def _offsets(self, positions: NDArray[np.float64]) -> Tensor:
        """How far each pixel centre lies from the sprite's centre along one axis, for each position (P, size).

        In float64: rounding must not decide which side of an edge a pixel is on. Unit: 1/64 of the image.
        """
        pixels = (torch.arange(self.config.image_size, dtype=torch.float64) + 0.5) * (64 / self.config.image_size)
        centres = 16 + 32 * torch.as_tensor(positions)
        return (pixels - centres[:, None]).to(self.device)


def _positions(n: int) -> NDArray[np.float64]:
    return np.linspace(0, 1, n) if n > 1 else np.array([0.5])


def _draw(shape: Shape, x: Tensor, y: Tensor, orientation: float) -> Tensor:
    """One shape at one orientation, at every position, 8 pixels of a row to a byte, the first in the lowest bit.

    x (X, W) and y (Y, H) are the offsets of the pixel centres from the sprite's centre, at scale 1. Position
    x moves a sprite along its rows and position y only permutes rows, so each row that any image needs is drawn
    once, and only where the sprite can reach. Returns uint8 (X, Y, H, W / 8).
    """
    near_x, near_y = x.flatten().abs() <= shape.radius, y.flatten().abs() <= shape.radius
    across, down = x.flatten()[near_x], y.flatten()[near_y, None]
    # 2 pi is 0, to the last bit; y points down, so these signs turn the sprite counter-clockwise.
    cos, sin = math.cos(orientation % (2 * math.pi)), math.sin(orientation % (2 * math.pi))
    covered = shape.covers(across * cos - down * sin, across * sin + down * cos)

    rows = covered.new_zeros(len(covered), near_x.numel())
    rows[:, near_x] = covered
    bits = 1 << torch.arange(8, dtype=torch.uint8, device=x.device)
    packed = bits.new_zeros(near_y.numel(), near_x.numel() // 8)
    packed[near_y] = (rows.view(len(rows), -1, 8) * bits).sum(-1, dtype=torch.uint8)
    return packed.view(*y.shape, len(x), -1).permute(2, 0, 1, 3)
