"""Colours and backgrounds for sprites: the three harder variants of dSprites.

After Locatello et al. (2019, arXiv:1811.12359), who draw every random part anew each time an image is
looked at. Here they belong to the image: they are a function of its index and of a seed, so that an image is
the same in every batch, on every device and in every run. Backgrounds are made of bytes, as in an image file.
"""

from math import isqrt
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from harness import numpy_rng
from harness.data import to_float
from harness_datasets.colour import random_tints, tint

Variant = Literal["plain", "color", "noisy", "painted"]

_PALETTE = torch.tensor(
    [[0.93, 0.42, 0.13], [0.95, 0.72, 0.28], [0.76, 0.24, 0.12], [0.30, 0.42, 0.55], [0.90, 0.55, 0.18]]
)
_SHORE = torch.tensor([[0.12, 0.18, 0.30], [0.22, 0.33, 0.38], [0.36, 0.30, 0.20]])


class Dress(Protocol):
    """One variant of a grid of sprites: its random parts, on a device.

    Attributes:
        nbytes: what these take.
    """

    nbytes: int

    def __init__(self, count: int, size: int, seed: int, device: torch.device) -> None:
        """Draw the random parts of `count` images of size x size."""

    def __call__(self, masks: Tensor, indices: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] of sprites given as bytes 0 and 255 (N, H, W, 3), which are overwritten."""


class Color:
    """Each sprite in a colour of its own, red, green and blue uniform in [0.5, 1], on black."""

    def __init__(self, count: int, size: int, seed: int, device: torch.device) -> None:
        self._tints = random_tints(count, "sprites", "color", seed).to(device)
        self.nbytes = self._tints.nbytes

    def __call__(self, masks: Tensor, indices: Tensor) -> Tensor:
        """The sprites in colour."""
        return tint(masks, self._tints.index_select(0, indices))


class Noisy:
    """White sprites on noise, uniform among the 256 bytes for every pixel and channel.

    Noise for every image of the full grid would be 9 GB. Image i has the sum, modulo 256, of noise i mod R of one table
    and i div R of another, R being the root of the number of images: no two images have the same, and that of any
    two is independent.
    """

    def __init__(self, count: int, size: int, seed: int, device: torch.device) -> None:
        self._rows = isqrt(count - 1) + 1
        shape = (2, self._rows, 3 * size * size)
        noise = numpy_rng("sprites", "noisy", seed).integers(0, 256, shape, dtype=np.uint8)
        self._noise = torch.from_numpy(noise).to(device)
        self.nbytes = self._noise.nbytes

    def __call__(self, masks: Tensor, indices: Tensor) -> Tensor:
        """The sprites on noise."""
        first, second = self._noise
        noise = first.index_select(0, indices % self._rows)
        noise += second.index_select(0, indices // self._rows)
        masks |= noise.view(masks.shape)
        return to_float(masks)


class Painted:
    """The background is the mean of a random part of a picture (see `painting`) and a random colour; sprites invert it.

    Red, green and blue of the colour are uniform in [0, 1]. Both are halved before they are added as bytes, so that the
    mean is exact to 1/255.
    """

    def __init__(self, count: int, size: int, seed: int, device: torch.device) -> None:
        rng = numpy_rng("sprites", "painted", seed)
        picture = (painting(size) * 127).round().byte().permute(1, 2, 0).contiguous()
        height, width, _ = picture.shape
        # Every part of the picture, numbered by the place of its upper left corner: views, not copies.
        parts = ((height - size) * width + width - size + 1, size, 3 * size)
        self._picture = picture.to(device)
        self._parts = self._picture.as_strided(parts, (3, 3 * width, 1))
        corners = rng.integers(0, (height - size + 1, width - size + 1), (count, 2), dtype=np.int32)
        self._corners = torch.from_numpy(corners @ np.array([width, 1], np.int32)).to(device)
        self._colours = torch.from_numpy(rng.integers(0, 129, (count, 3), dtype=np.uint8)).to(device)
        self.nbytes = self._picture.nbytes + self._corners.nbytes + self._colours.nbytes

    def __call__(self, masks: Tensor, indices: Tensor) -> Tensor:
        """The sprites and their backgrounds."""
        background = self._parts.index_select(0, self._corners.index_select(0, indices))
        background += self._colours.index_select(0, indices).repeat(1, masks.shape[2]).unsqueeze(1)
        # With 255 this inverts a byte, with 0 it does nothing.
        masks ^= background.view(masks.shape)
        return to_float(masks)


DRESSES: dict[str, type[Dress]] = {"color": Color, "noisy": Noisy, "painted": Painted}


def painting(size: int) -> Tensor:
    """A picture (3, H, W), larger than images of `size` pixels: winding bands of sky over a dark, winding shore.

    The published variant, Scream-dSprites, cuts its backgrounds from Munch's painting at 350 x 274 pixels for 64-pixel
    images. This is a picture of our own in the same proportions, so scores do not compare with those of that variant.
    """
    height, width = 350 * size // 64, 274 * size // 64
    y = torch.linspace(0, 1, height)[:, None]
    x = torch.linspace(0, 0.78, width)
    wind = 0.05 * (9 * x + 3 * y).sin() + 0.03 * (21 * x - 11 * y + 1).sin() + 0.015 * (47 * x + 23 * y).sin()
    sky = _bands(_PALETTE, (y + wind) * 14)
    swirl = 0.12 * (7 * x + 9 * y).sin() + 0.05 * (25 * y - 13 * x).cos()
    shore = _bands(_SHORE, (0.6 * x + y + swirl) * 16)
    horizon = ((y - 0.42 - 0.06 * (5 * x).sin()) * 60).sigmoid()
    return (sky * (1 - horizon) + shore * horizon).clamp(0, 1)


def _bands(palette: Tensor, position: Tensor) -> Tensor:
    """Colours (3, H, W) that run through a palette (K, 3) over and over as the position (H, W) grows."""
    low = position.floor()
    share = position - low
    share = share * share * (3 - 2 * share)
    first, second = (palette[(low.long() + step) % len(palette)] for step in (0, 1))
    return (first + share[..., None] * (second - first)).permute(2, 0, 1)
