"""Colours and backgrounds for sprites: the three harder variants of dSprites.

After Locatello et al. (2019, arXiv:1811.12359), who draw every random part anew each time an image is
looked at. Here they belong to the image: they are a function of its index and of a seed, so that an image is
the same in every batch, on every device and in every run.
"""

from typing import Literal

import torch
from torch import Tensor

from harness_datasets.colour import tint
from harness_datasets.hashed import hashed_uniform

Variant = Literal["plain", "color", "noisy", "scream"]

_PALETTE = torch.tensor(
    [[0.93, 0.42, 0.13], [0.95, 0.72, 0.28], [0.76, 0.24, 0.12], [0.30, 0.42, 0.55], [0.90, 0.55, 0.18]]
)
_SHORE = torch.tensor([[0.12, 0.18, 0.30], [0.22, 0.33, 0.38], [0.36, 0.30, 0.20]])


def dress(images: Tensor, indices: Tensor, variant: Variant, seed: int, picture: Tensor) -> Tensor:
    """Sprites (N, 1, H, W) of pixels 0 and 1 in a variant: (N, 3, H, W), or as they are for "plain".

    - color: each sprite in a colour of its own, red, green and blue uniform in [0.5, 1], on black.
    - noisy: white sprites on noise, uniform in [0, 1] for every pixel and channel.
    - scream: the background is the mean of a random part of `picture` (see `scream`) and a random colour, red,
      green and blue uniform in [0, 1]; the sprite is the background inverted.
    """
    size = images.shape[-1]
    if variant == "plain":
        return images
    if variant == "color":
        return tint(images, indices, "sprites", "color", seed)
    if variant == "noisy":
        noise = hashed_uniform(indices, 3 * size * size, "sprites", "noisy", seed)
        return (images + noise.view(-1, 3, size, size)).clamp(max=1)
    random = hashed_uniform(indices, 5, "sprites", "scream", seed)
    background = (_crops(picture, random[:, :2], size) + random[:, 2:, None, None]) / 2
    return torch.where(images > 0, 1 - background, background)


def _crops(picture: Tensor, corners: Tensor, size: int) -> Tensor:
    """Parts (N, 3, size, size) of a picture (3, H, W), their upper left corners at (N, 2) shares of its room."""
    room = torch.tensor([picture.shape[1] - size + 1, picture.shape[2] - size + 1], device=picture.device)
    top, left = (corners * room).long().T
    steps = torch.arange(size, device=picture.device)
    rows, columns = top[:, None, None] + steps[:, None], left[:, None, None] + steps
    return picture[:, rows, columns].transpose(0, 1)


def scream(size: int) -> Tensor:
    """A picture (3, H, W) in the manner of Munch's Scream for images of `size` pixels.

    The original variant cuts its backgrounds from the painting at 350 x 274 pixels for 64-pixel images.
    This is a picture of our own in the same proportions: a sky of winding bands over a dark, winding shore.
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
