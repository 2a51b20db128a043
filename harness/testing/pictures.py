"""The pictures that plugins are checked with: small, drawn in a moment, with factors and labels."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from harness.config import Settings
from harness.dataset import GroundTruthDataset, LabelledDataset
from harness.factors import FactorGrid
from harness.model import ImageSpec


class Squares(GroundTruthDataset, LabelledDataset):
    """A bright square on black; its column, its row and its brightness are the factors, its brightness the label."""

    PLACES: ClassVar = 6
    classes = 3

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(Settings())
        self.image = image
        self.factors = FactorGrid(["brightness", "row", "column"], [self.classes, self.PLACES, self.PLACES])

    def load(self, device: torch.device | str = "cpu") -> None:
        """Number the pictures on the device."""
        super().load(device)
        self._ids = torch.from_numpy(self.factors.ids(np.arange(len(self)))).to(self.device)

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, C, H, W), float32 in [0, 1], at int64 indices (N,)."""
        level, row, column = self._ids.index_select(0, indices).unbind(dim=1)
        down = self._inside(row, self.image.height)
        across = self._inside(column, self.image.width)
        squares = (down[:, :, None] & across[:, None, :]) * ((level + 1) / self.classes)[:, None, None]
        return squares.unsqueeze(1).expand(-1, self.image.channels, -1, -1).contiguous()

    def labels(self, indices: Tensor) -> Tensor:
        """The brightness of each image as its class, int64 (N,)."""
        return self._ids[indices, 0]

    def _inside(self, place: Tensor, size: int) -> Tensor:
        """Which of `size` pixels lie inside a square at a place, bool (N, size)."""
        pixel = torch.arange(size, device=self.device)
        start = place[:, None] * size // (self.PLACES + 1)
        return (pixel >= start) & (pixel < start + 2 * size // (self.PLACES + 1))
