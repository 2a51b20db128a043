"""Images given a random colour each."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness import ImageSpec, numpy_rng
from harness.data import StoredImages


def random_tints(n: int, *purpose: object) -> Tensor:
    """What turns bytes into red, green and blue of n images, float32 (n, 3): colours uniform in [0.5, 1], over 255.

    As in the Color variant of dSprites (Locatello et al., 2019, arXiv:1811.12359), but the colour belongs to the image:
    it is the same each time the image is looked at. `purpose` names the draw as in `harness.seeds`. The division is
    done here because GPUs round it otherwise: images are equal on every device.
    """
    return torch.from_numpy(numpy_rng(*purpose).uniform(0.5, 1, (n, 3))).float() / 255


def tint(pixels: Tensor, tints: Tensor) -> Tensor:
    """Bytes (N, H, W, 3) times `random_tints` (N, 3) each: images (N, 3, H, W) in [0, 1], channels last in memory."""
    n, height, width, _ = pixels.shape
    images = pixels.float()
    # By rows of pixels: the innermost loop is then over a whole row instead of over three channels.
    images.view(n, height, 3 * width).mul_(tints.repeat(1, width).unsqueeze(1))
    return images.permute(0, 3, 1, 2)


class Tinted(StoredImages):
    """Makes a dataset of grey images one of coloured images; comes first among the bases."""

    colour_purpose: tuple[object, ...]
    """Names the draw of colours."""

    def load(self, device: torch.device | str = "cpu") -> None:
        """Read the grey images, three channels each, and draw the colours.

        Raises:
            UserError: the files are missing or broken; the message says how to get them.
        """
        super().load(device)
        self._tints = random_tints(len(self), *self.colour_purpose).to(self.device)

    def read(self) -> NDArray[np.uint8]:
        """The grey images as RGB (N, H, W, 3): repeating the channel in every batch would take longer than the rest."""
        return np.repeat(super().read(), 3, axis=-1)

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 3, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        return tint(self.stored.rows(indices), self._tints.index_select(0, indices))


def in_colour(grey: ImageSpec) -> ImageSpec:
    """The shape of an image after tinting."""
    return ImageSpec(3, grey.height, grey.width)
