"""The networks of Tripod's code (Hsu et al., 2024): residual blocks with instance normalisation and GELUs.

A block is two convolutions of kernel 3, each normalised per image and channel, scaled and shifted, then a GELU; its
input is added, through a convolution of kernel 1 where the channels differ. For 64x64 images:

    encoder  4 levels: two blocks of 32, 64, 128, 256 channels; 2x2 squares of pixels become channels, convolution 1
             to twice the channels; mean over the 4x4 map, FC 512 with layer normalisation and GELU, FC latents
    decoder  FC 256 and FC 256 with layer normalisation and GELU, the style; a learnt 512x4x4 map, then 4 levels: two
             blocks of 512, 256, 128, 64 channels whose scales and shifts come from the style, doubled to its nearest
             neighbours, convolution 3 to half the channels, or to the image's (logits)

Smaller or larger squares of side 4·2ⁿ have n levels. `width` multiplies all numbers of hidden channels and units.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import ImageSpec
from harness.nn import halvings, scaled
from harness_vaes.quantised_networks import normalised

EPSILON = 1e-5


class Block(nn.Module):
    """Two convolutions of kernel 3, each normalised, scaled and shifted, then a GELU; and the input besides.

    Without a style scales and shifts are parameters, one for each channel; with one they come from it, linearly, and
    scales are added to 1.
    """

    def __init__(self, inputs: int, outputs: int, style: int | None = None) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(channels, outputs, 3, padding=1) for channels in (inputs, outputs)]
        )
        self.past = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        if style is None:
            self.scales = nn.Parameter(torch.ones(2, outputs))
            self.shifts = nn.Parameter(torch.zeros(2, outputs))
        else:
            self.conditions = nn.ModuleList([nn.Linear(style, 2 * outputs) for _ in self.convolutions])
        self.styled = style is not None

    def forward(self, maps: Tensor, style: Tensor | None = None) -> Tensor:
        """(N, inputs, H, W), and styles (N, style) if it takes any, to (N, outputs, H, W)."""
        found = maps
        for number, convolution in enumerate(self.convolutions):
            if self.styled:
                scale, shift = self.conditions[number](style)[:, :, None, None].chunk(2, dim=1)
                scale = 1 + scale
            else:
                scale, shift = self.scales[number][:, None, None], self.shifts[number][:, None, None]
            found = gelu(normalised(convolution(found), EPSILON) * scale + shift)
        past: Tensor = self.past(maps)
        return past + found


class Dense(nn.Sequential):
    """(N, inputs) to (N, outputs), normalised per image, then a GELU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.GELU("tanh"))


class Encoder(nn.Module):
    """(N, C, H, W) images to (N, latents)."""

    def __init__(self, image: ImageSpec, latents: int, width: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = image.channels
        for level in range(halvings(image)):
            channels, doubled = (scaled(32 * 2**power, width) for power in (level, level + 1))
            layers += [Block(inputs, channels), Block(channels, channels)]
            layers += [nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, doubled, 1)]
            inputs = doubled
        self.maps = nn.Sequential(*layers)
        self.dense = nn.Sequential(Dense(inputs, inputs), nn.Linear(inputs, latents))

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) images to (N, latents)."""
        found: Tensor = self.dense(self.maps(images).mean(dim=(2, 3)))
        return found


class Decoded(NamedTuple):
    """What the decoder makes of N latent vectors."""

    logits: Tensor
    """Logits of the pixels, (N, C, H, W)."""
    hidden: list[Tensor]
    """The style (N, units), and the maps after each level but the last (N, channels, H, W)."""


class Decoder(nn.Module):
    """(N, latents) to the logits of (N, C, H, W) images, with the hidden layers on the way."""

    def __init__(self, image: ImageSpec, latents: int, width: float) -> None:
        super().__init__()
        style, levels = scaled(256, width), halvings(image)
        widths = [scaled(32 * 2 ** (levels - level), width) for level in range(levels)]
        self.start = nn.Parameter(torch.ones(widths[0], 4, 4))
        self.style = nn.Sequential(Dense(latents, style), Dense(style, style))
        self.first = nn.ModuleList([Block(channels, channels, style) for channels in widths])
        self.second = nn.ModuleList([Block(channels, channels, style) for channels in widths])
        self.narrower = nn.ModuleList([nn.Conv2d(*pair, 3, padding=1) for pair in pairwise([*widths, image.channels])])

    def forward(self, latents: Tensor) -> Decoded:
        """Logits, and the layers whose curvature counts."""
        style = self.style(latents)
        maps, hidden = self.start.expand(len(latents), -1, -1, -1), [style]
        for first, second, narrower in zip(self.first, self.second, self.narrower, strict=True):
            maps = second(first(maps, style), style)
            maps = narrower(functional.interpolate(maps, scale_factor=2.0, mode="nearest"))
            hidden.append(maps)
        return Decoded(maps, hidden[:-1])


def gelu(values: Tensor) -> Tensor:
    """x Φ(x), by its approximation with a hyperbolic tangent, as in the authors' code."""
    return functional.gelu(values, approximate="tanh")
