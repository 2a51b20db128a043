"""The encoders and decoders that all VAEs here share: those of two papers' code.

For 64x64 images, in disentanglement_lib (Locatello et al., 2019), all layers with ReLU:

    encoder  conv 4 s2 32, conv 4 s2 32, conv 2 s2 64, conv 2 s2 64, FC 256; FC means and log variances
    decoder  FC 256, FC 1024 as 4x4x64, deconv 4 s2 64, 32, 32, C (logits)

The FactorVAE of InfoGAN-CR's code (Lin et al., 2020) has convolutions of kernel 4 throughout, FC 128 in place of
FC 256, and no activation after the encoder's FC 128.

Smaller or larger squares of side 4·2ⁿ leave out or repeat the layers with 32 channels, so that the smallest
map is always 4x4. `width` multiplies every number of hidden channels and units.
"""

from typing import NamedTuple

from torch import Tensor, nn

from harness import ImageSpec
from harness.nn import SameConv2d, SameConvTranspose2d, halvings, scaled


class Layers(NamedTuple):
    """The layers in which the networks of the two papers' code differ."""

    wide_kernel: int
    """Kernel of the encoder's convolutions with 64 channels."""
    hidden: int
    """Units of the layer next to the latents, in encoder and decoder."""
    linear: bool
    """Whether that of the encoder has no activation."""


LAYERS = {"disentanglement_lib": Layers(2, 256, linear=False), "infogan-cr": Layers(4, 128, linear=True)}


class Encoder(nn.Module):
    """(N, C, H, W) images to the means and log variances of a Gaussian, (N, latents) each."""

    def __init__(self, image: ImageSpec, latents: int, width: float, choice: Layers) -> None:
        super().__init__()
        narrow, wide, hidden = scaled(32, width), scaled(64, width), scaled(choice.hidden, width)
        layers: list[nn.Module] = []
        channels = image.channels
        for _ in range(halvings(image) - 2):
            layers += [SameConv2d(channels, narrow, kernel=4), nn.ReLU()]
            channels = narrow
        for _ in range(2):
            layers += [SameConv2d(channels, wide, choice.wide_kernel), nn.ReLU()]
            channels = wide
        layers += [nn.Flatten(), nn.Linear(4 * 4 * wide, hidden)]
        self.trunk = nn.Sequential(*layers, *([] if choice.linear else [nn.ReLU()]))
        self.mean = nn.Linear(hidden, latents)
        self.log_variance = nn.Linear(hidden, latents)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances of q(z|x), (N, latents) each."""
        features = self.trunk(images)
        return self.mean(features), self.log_variance(features)


class Decoder(nn.Sequential):
    """(N, latents) to the logits of (N, C, H, W) images."""

    def __init__(self, image: ImageSpec, latents: int, width: float, choice: Layers) -> None:
        narrow, wide, hidden = scaled(32, width), scaled(64, width), scaled(choice.hidden, width)
        layers: list[nn.Module] = [nn.Linear(latents, hidden), nn.ReLU(), nn.Linear(hidden, 4 * 4 * wide), nn.ReLU()]
        layers += [nn.Unflatten(1, (wide, 4, 4)), SameConvTranspose2d(wide, wide, kernel=4), nn.ReLU()]
        channels = wide
        for _ in range(halvings(image) - 2):
            layers += [SameConvTranspose2d(channels, narrow, kernel=4), nn.ReLU()]
            channels = narrow
        super().__init__(*layers, SameConvTranspose2d(channels, image.channels, kernel=4))
