"""The networks of Lin et al. (2020) for dSprites and 3D teapots, as in the authors' code.

For 64x64 images; all convolutions have kernel 4 and stride 2, lrelu has slope 0.2:

    generator   FC 128, FC 1024 (ReLU, then BN); as 4x4x64: deconv 64, 32, 32 (lrelu, then BN); deconv C, sigmoid
    trunk       conv 32, 32, 64, 64, FC 128 (lrelu)
    D and Q     share a trunk; D: FC 1 (logit); Q: FC 128 (lrelu), FC codes (means); spectral norm on every layer
    CRD         two images stacked by channels; a trunk of its own, FC codes (logits)

Smaller or larger squares of side 4·2ⁿ leave out or repeat the layers with 32 channels, so that the smallest
map is always 4x4. `width` multiplies every number of hidden channels and units.
"""

from torch import Tensor, nn

from harness import ImageSpec
from harness.nn import SameConv2d, SameConvTranspose2d, SpectralConv2d, SpectralLinear, halvings, scaled


class Generator(nn.Sequential):
    """(N, inputs) latent vectors to (N, C, H, W) images in [0, 1]."""

    def __init__(self, inputs: int, image: ImageSpec, width: float) -> None:
        hidden, wide, narrow = scaled(128, width), scaled(64, width), scaled(32, width)
        layers: list[nn.Module] = []
        for units in (hidden, 4 * 4 * wide):
            layers += [nn.Linear(inputs, units), nn.ReLU(), nn.BatchNorm1d(units)]
            inputs = units
        layers.append(nn.Unflatten(1, (wide, 4, 4)))
        inputs = wide
        for outputs in (wide, *[narrow] * (halvings(image) - 2)):
            layers += [SameConvTranspose2d(inputs, outputs, kernel=4), nn.LeakyReLU(0.2), nn.BatchNorm2d(outputs)]
            inputs = outputs
        super().__init__(*layers, SameConvTranspose2d(inputs, image.channels, kernel=4), nn.Sigmoid())


class Discriminator(nn.Module):
    """D and Q: (N, C, H, W) images to (N, 1) logits of being real and (N, codes) means of the codes."""

    def __init__(self, image: ImageSpec, codes: int, width: float) -> None:
        super().__init__()
        hidden = scaled(128, width)
        self.trunk = nn.Sequential(*_spectral_trunk(image.channels, image, width))
        self.judge = SpectralLinear(hidden, 1)
        self.q = nn.Sequential(SpectralLinear(hidden, hidden), nn.LeakyReLU(0.2), SpectralLinear(hidden, codes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of being real (N, 1) and means of the codes (N, codes)."""
        features = self.trunk(images)
        return self.judge(features), self.q(features)


class SpectralContrast(nn.Sequential):
    """The contrastive discriminator for dSprites: spectral norm on all layers but the last.

    (N, 2C, H, W) pairs of images to (N, codes) logits of which code they share.
    """

    def __init__(self, image: ImageSpec, codes: int, width: float) -> None:
        trunk = _spectral_trunk(2 * image.channels, image, width)
        super().__init__(*trunk, nn.Linear(scaled(128, width), codes))


class BatchNormContrast(nn.Sequential):
    """The contrastive discriminator for teapots: BN after every lrelu but the first, no spectral norm.

    (N, 2C, H, W) pairs of images to (N, codes) logits of which code they share.
    """

    def __init__(self, image: ImageSpec, codes: int, width: float) -> None:
        inputs, hidden = 2 * image.channels, scaled(128, width)
        layers: list[nn.Module] = []
        for outputs in _conv_channels(image, width):
            normalise = [nn.BatchNorm2d(outputs)] if layers else []
            layers += [SameConv2d(inputs, outputs, kernel=4), nn.LeakyReLU(0.2), *normalise]
            inputs = outputs
        layers += [nn.Flatten(), nn.Linear(4 * 4 * inputs, hidden), nn.LeakyReLU(0.2), nn.BatchNorm1d(hidden)]
        super().__init__(*layers, nn.Linear(hidden, codes))


def _spectral_trunk(inputs: int, image: ImageSpec, width: float) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for outputs in _conv_channels(image, width):
        layers += [SpectralConv2d(inputs, outputs, kernel=4), nn.LeakyReLU(0.2)]
        inputs = outputs
    return [*layers, nn.Flatten(), SpectralLinear(4 * 4 * inputs, scaled(128, width)), nn.LeakyReLU(0.2)]


def _conv_channels(image: ImageSpec, width: float) -> list[int]:
    """Output channels of the trunk's convolutions: 32, 32, 64, 64 for 64x64 images."""
    return [scaled(32, width)] * (halvings(image) - 2) + [scaled(64, width)] * 2
