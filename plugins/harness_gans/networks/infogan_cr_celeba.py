"""The networks of Lin et al. (2020) for CelebA, as in the authors' code.

For 32x32 images; all convolutions have kernel 5 and stride 2, lrelu has slope 0.2, BN stands before the activation:

    generator   FC 1024, BN, ReLU; FC 4·4·256, BN, ReLU; deconv 128, 64, each BN, ReLU; deconv C, tanh
    trunk       conv 64, 128, 256, 512 (lrelu), to 2x2
    D and Q     share a trunk; D: FC 1 (logit); Q: FC codes (means); spectral norm on every layer
    CRD         two images stacked by channels; conv 64, lrelu; conv 128, 256, 512, each BN, lrelu; FC codes (logits)

Other sizes that 16 divides have larger or smaller maps. `width` multiplies every number of hidden channels and
units. Layers before BN have no bias, which BN would remove.
"""

from torch import Tensor, nn

from harness import ImageSpec
from harness.nn import SameConv2d, SameConvTranspose2d, SpectralConv2d, SpectralLinear, scaled
from harness_gans.networks.ranges import Signed, Unsigned


class Generator(nn.Sequential):
    """(N, inputs) latent vectors to (N, C, H, W) images in [0, 1]."""

    def __init__(self, inputs: int, image: ImageSpec, width: float) -> None:
        hidden, channels = scaled(1024, width), scaled(256, width)
        start = (channels, image.height // 8, image.width // 8)
        units = channels * (image.height // 8) * (image.width // 8)
        layers: list[nn.Module] = [nn.Linear(inputs, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
        layers += [nn.Linear(hidden, units, bias=False), nn.BatchNorm1d(units), nn.ReLU(), nn.Unflatten(1, start)]
        for outputs in (scaled(128, width), scaled(64, width)):
            layers += [SameConvTranspose2d(channels, outputs, 5, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
        super().__init__(*layers, SameConvTranspose2d(channels, image.channels, kernel=5), nn.Tanh(), Unsigned())


class Discriminator(nn.Module):
    """D and Q: (N, C, H, W) images in [0, 1] to (N, 1) logits of being real and (N, codes) means of the codes."""

    def __init__(self, image: ImageSpec, codes: int, width: float) -> None:
        super().__init__()
        layers: list[nn.Module] = [Signed()]
        inputs = image.channels
        for outputs in _conv_channels(width):
            layers += [SpectralConv2d(inputs, outputs, kernel=5), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        features = _features(image, width)
        self.judge = SpectralLinear(features, 1)
        self.q = SpectralLinear(features, codes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of being real (N, 1) and means of the codes (N, codes)."""
        features = self.trunk(images)
        return self.judge(features), self.q(features)


class Contrast(nn.Sequential):
    """The contrastive discriminator: BN after every convolution but the first, no spectral norm.

    (N, 2C, H, W) pairs of images in [0, 1] to (N, codes) logits of which code they share.
    """

    def __init__(self, image: ImageSpec, codes: int, width: float) -> None:
        first, *wider = _conv_channels(width)
        layers: list[nn.Module] = [Signed(), SameConv2d(2 * image.channels, first, kernel=5), nn.LeakyReLU(0.2)]
        inputs = first
        for outputs in wider:
            layers += [SameConv2d(inputs, outputs, 5, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
            inputs = outputs
        super().__init__(*layers, nn.Flatten(), nn.Linear(_features(image, width), codes))


def _conv_channels(width: float) -> list[int]:
    return [scaled(channels, width) for channels in (64, 128, 256, 512)]


def _features(image: ImageSpec, width: float) -> int:
    """Numbers in the last map: 2·2·512 for 32x32 images."""
    return scaled(512, width) * (image.height // 16) * (image.width // 16)
