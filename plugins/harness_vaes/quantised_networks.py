"""The networks of QLAE's code (Hsu et al., 2023): convolutions with instance normalisation, and a decoder with styles.

For 64x64 images, all convolutions of kernel 3, 3 and 4 with stride 1, 1 and 2, leaky ReLUs of slope 0.2:

    encoder  3 x 32, 3 x 64, 3 x 128, 3 x 256, each normalised per image and channel; FC 256, FC 256, FC latents
    decoder  FC 256, FC 256, which scale and shift every channel of a learnt 256x4x4 map on its way through
             transposed convolutions 3 x 256, 3 x 128, 3 x 64, 3 x 32; convolution 3 to the image's channels (logits)

Smaller or larger squares of side 4·2ⁿ have n such triples. `width` multiplies all numbers of hidden channels and units.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import ImageSpec
from harness.nn import halvings, scaled

SLOPE = 0.2
TRIPLE = ((3, 1), (3, 1), (4, 2))
"""Kernels and strides of three convolutions, which halve or double an image together."""


def normalised(maps: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Maps (N, C, H, W) with mean 0 and variance 1 in each image and channel."""
    variance, mean = torch.var_mean(maps, dim=(2, 3), keepdim=True, correction=0)
    return (maps - mean) * (variance + epsilon).rsqrt()


class NormalisedConv2d(nn.Module):
    """A convolution without bias, normalised per image and channel, scaled and shifted; then a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=False)
        # The authors decay scales and not shifts; the optimizer leaves vectors alone.
        self.scale = nn.Parameter(torch.ones(outputs, 1, 1))
        self.shift = nn.Parameter(torch.zeros(outputs))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        found = normalised(self.convolution(maps)) * self.scale + self.shift[:, None, None]
        return functional.leaky_relu(found, SLOPE)


class Encoder(nn.Sequential):
    """(N, C, H, W) images to (N, latents)."""

    def __init__(self, image: ImageSpec, latents: int, width: float) -> None:
        layers: list[nn.Module] = []
        channels, hidden = image.channels, scaled(256, width)
        for level in range(halvings(image)):
            for kernel, stride in TRIPLE:
                layers.append(NormalisedConv2d(channels, scaled(32 * 2**level, width), kernel, stride))
                channels = scaled(32 * 2**level, width)
        layers += [nn.Flatten(), nn.Linear(4 * 4 * channels, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
        super().__init__(*layers, nn.Linear(hidden, latents))


class StyledConvTranspose2d(nn.Module):
    """A transposed convolution without bias and a leaky ReLU, normalised, then scaled and shifted by a style."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, style: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding=1, bias=False)
        self.condition = nn.Linear(style, 2 * outputs)

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """(N, inputs, H, W) and styles (N, style) to (N, outputs, H * stride, W * stride)."""
        scale, shift = self.condition(style).relu()[:, :, None, None].chunk(2, dim=1)
        found: Tensor = normalised(functional.leaky_relu(self.convolution(maps), SLOPE)) * scale + shift
        return found


class Decoder(nn.Module):
    """(N, latents) to the logits of (N, C, H, W) images."""

    def __init__(self, image: ImageSpec, latents: int, width: float) -> None:
        super().__init__()
        style, channels = scaled(256, width), scaled(256, width)
        self.start = nn.Parameter(torch.full((channels, 4, 4), 0.1))
        self.style = nn.Sequential(nn.Linear(latents, style), nn.ReLU(), nn.Linear(style, style), nn.ReLU())
        blocks = []
        for level in reversed(range(halvings(image))):
            for kernel, stride in TRIPLE:
                blocks.append(StyledConvTranspose2d(channels, scaled(32 * 2**level, width), kernel, stride, style))
                channels = scaled(32 * 2**level, width)
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Conv2d(channels, image.channels, 3, padding=1, bias=False)

    def forward(self, latents: Tensor) -> Tensor:
        """Logits of the pixels, (N, C, H, W)."""
        style: Tensor = self.style(latents)
        maps = self.start.expand(len(latents), -1, -1, -1)
        for block in self.blocks:
            maps = block(maps, style)
        logits: Tensor = self.last(maps)
        return logits
