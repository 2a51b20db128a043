"""XYSquares and XYObject: squares at the points of a grid, drawn on the device when they are asked for."""

from math import prod

import numpy as np
import torch
from torch import Tensor

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings

SIDE = 64
"""Height and width of the images, pixels."""
HUES = ((1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1))
SHADES = 4
SIZES = (7, 9, 11, 13, 15)
"""Of XYObject's squares, pixels."""


class _Squares(GroundTruthDataset):
    """Images that are drawn from their levels by operations of the device alone."""

    def load(self, device: torch.device | str = "cpu") -> None:
        """Bring what is needed for drawing to the device."""
        super().load(device)
        sizes = self.factors.sizes
        self._sizes = torch.tensor(tuple(sizes), device=self.device)
        self._bases = torch.tensor([prod(sizes[place + 1 :]) for place in range(len(sizes))], device=self.device)
        self._pixels = torch.arange(SIDE, device=self.device)

    def memory(self) -> int:
        """0 bytes: every image is drawn when it is asked for."""
        return 0

    def levels(self, indices: Tensor) -> Tensor:
        """int64 (N, F) levels of images (N,)."""
        return indices[:, None] // self._bases % self._sizes

    def spans(self, begins: Tensor, lengths: Tensor | int) -> Tensor:
        """Which of a side's pixels lie in [begin, begin + length): bool (..., 64)."""
        inside = self._pixels - begins[..., None]
        return (inside >= 0) & (inside < (lengths if isinstance(lengths, int) else lengths[..., None]))


class XYSquares(_Squares):
    """A red, a green and a blue square of 8x8 pixels, each at 8 x 8 places of a 64x64 image: 262,144 images.

    Where squares of neighbouring places do not overlap (a spacing of 8), all images are equally far from each other
    by pixels, and autoencoders with pixel losses find no order; smaller spacings give it back.
    """

    class Config(Settings):
        spacing: int = Field(
            8, ge=1, le=8, description="between neighbouring places, pixels; less than 8 lets them overlap"
        )

    source = "XYSquares of the library disent (https://github.com/nmichlo/disent); drawn by our own code"

    PLACES = 8

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, SIDE, SIDE)
        names = [f"{axis}_{colour}" for colour in ("red", "green", "blue") for axis in ("x", "y")]
        places = config.spacing * np.arange(self.PLACES) + (SIDE - 8 - config.spacing * (self.PLACES - 1)) // 2
        self.factors = FactorGrid(names, (self.PLACES,) * 6, (places,) * 6)
        self._first = int(places[0])

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 3, 64, 64), each pixel of each colour 0 or 1, at int64 indices (N,), both on `device`."""
        begins = self._first + self.config.spacing * self.levels(indices)
        across, down = self.spans(begins[:, 0::2], 8), self.spans(begins[:, 1::2], 8)
        return (down[..., :, None] & across[..., None, :]).float()


class XYObject(_Squares):
    """One square at 25 x 25 places, of 5 sizes (7 to 15 pixels) and 24 colours (6 hues in 4 shades): 75,000 images.

    Shade and hue are one factor, as in the original, "to hinder disentanglement".
    """

    source = (
        "XYObject of the library disent (https://github.com/nmichlo/disent), palette rainbow_4; drawn by our own code"
    )

    def __init__(self, config: Settings) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, SIDE, SIDE)
        places = (SIDE - SIZES[-1]) // 2 + 1
        colours = SHADES * len(HUES)
        self.factors = FactorGrid(
            ("x", "y", "size", "color"),
            (places, places, len(SIZES), colours),
            (2 * np.arange(places), 2 * np.arange(places), SIZES, np.arange(colours)),
            (False, False, False, True),
        )

    def load(self, device: torch.device | str = "cpu") -> None:
        """Bring what is needed for drawing to the device."""
        super().load(device)
        shades = [255 * shade // SHADES for shade in range(1, SHADES + 1)]
        colours = [[shade * part / 255 for part in hue] for shade in shades for hue in HUES]
        self._colours = torch.tensor(colours, device=self.device)
        self._lengths = torch.tensor(SIZES, device=self.device)

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 3, 64, 64), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        x, y, size, colour = self.levels(indices).unbind(1)
        length = self._lengths.index_select(0, size)
        margin = (SIZES[-1] - length) // 2
        across, down = self.spans(2 * x + margin, length), self.spans(2 * y + margin, length)
        square = (down[:, None, :, None] & across[:, None, None, :]).float()
        return square * self._colours.index_select(0, colour)[:, :, None, None]
