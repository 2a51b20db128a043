"""What drawn and published 3D Teapots have in common: images at random values of continuous factors."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness import GroundTruthDataset, Indices, Settings, UserError
from harness.data import FactorTable, StoredImages

Gap = Literal["keep", "remove", "only"]
GAP_MEANING = (
    "the zero-shot gap of Eastwood & Williams: elevation above pi/4 and red more than 0.15 above green and blue; "
    "keep its images, remove them, or keep only them"
)
NAMES: Mapping[str, tuple[str, ...]] = {
    "colors": ("azimuth", "elevation", "red", "green", "blue"),
    "rotation": ("angle", "polar", "azimuth"),
    "light": ("angle", "polar", "azimuth", "light_azimuth", "light_elevation"),
}
"""The factors of each variant."""


def in_gap(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows of azimuth, elevation, red, green and blue (N, 5) lie in the zero-shot gap."""
    _, elevation, red, green, blue = values.T
    inside: NDArray[np.bool_] = (elevation > np.pi / 4) & (red > green + 0.15) & (red > blue + 0.15)
    return inside


def check_gap(gap: Gap, variant: str) -> None:
    """The gap is one of colours.

    Raises:
        ValueError: another variant has none.
    """
    if gap != "keep" and variant != "colors":
        raise ValueError(f"only the variant 'colors' has a gap, not '{variant}'")


class TeapotImages(GroundTruthDataset, StoredImages):
    """Images that are kept in the order in which they were made, those of metric groups last.

    A subclass calls `describe` with what it knows of them.
    """

    GROUP_SIZE: ClassVar = 100

    def __init__(self, config: Settings) -> None:
        super().__init__(config)
        self._rows: Tensor | None = None

    def describe(self, names: tuple[str, ...], values: NDArray[np.float64], gap: Gap, part: slice) -> None:
        """Choose the images to train on, and set `factors` to theirs, by which the dataset has its length.

        Args:
            names: F names of factors.
            values: of every image that is no metric group's, (N, F).
            gap: what becomes of images in the gap.
            part: of the N images.

        Raises:
            UserError: no image is left.
        """
        chosen = np.arange(len(values))[part]
        if gap != "keep":
            chosen = chosen[in_gap(values[chosen]) == (gap == "only")]
        if not len(chosen):
            raise UserError(f"dataset.gap: of {len(values)} images '{gap}' leaves none")
        self._made = len(values)
        self._chosen = chosen
        self.factors = FactorTable.of_continuous(names, values[chosen])

    def set_groups(self, labels: Indices, size: int) -> None:
        """Set `fixed`: metric groups of `size` images each, the factors that they share being `labels` (G,)."""
        first = len(self._chosen)
        self.fixed = {
            "group_index": first + np.arange(len(labels) * size, dtype=np.int64).reshape(len(labels), size),
            "group_label": labels.astype(np.int64),
        }

    def load(self, device: torch.device | str = "cpu") -> None:
        """Bring the images to the device; they are made or converted once per machine.

        Raises:
            UserError: the files are missing or broken, or the images cannot be written.
        """
        super().load(device)
        groups = np.arange(self._made, len(self.stored))
        self._rows = torch.from_numpy(np.concatenate([self._chosen, groups])).to(self.device)

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 3, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`.

        Indices from the dataset's length on are those of `fixed`.
        """
        assert self._rows is not None
        return self.stored.gather(self._rows.index_select(0, indices))
