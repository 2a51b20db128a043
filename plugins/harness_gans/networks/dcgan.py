"""The networks of DCGAN (Radford et al., 2016), which WGAN-GP (Gulrajani et al., 2017) keeps.

For 64x64 images; convolutions have kernel 5 and stride 2, "BN" stands before the activation:

    generator       FC 1024·4·4, BN, ReLU; deconv 512, 256, 128, each BN, ReLU; deconv C, tanh
    discriminator   conv 128, lrelu 0.2; conv 256, 512, 1024, each BN (not in WGAN-GP), lrelu; FC 1

Squares of side 4·2ⁿ have n convolutions, from 128 channels at the image to 128·2ⁿ⁻¹ at 4x4. `width`
multiplies the channels. Layers before BN have no bias, which BN would remove. DCGAN's code pads 2 pixels
before and 1 after, the mirror image of the padding here.
"""

from torch import nn

from harness import ImageSpec
from harness.nn import SameConv2d, SameConvTranspose2d, halvings, scaled


class Generator(nn.Sequential):
    """(N, inputs) latent vectors to (N, C, H, W) images in [-1, 1].

    Args:
        inputs: width of a latent vector.
        image: the images' shape.
        width: multiplier of the channels.
        bias: whether the last layer has one.
        epsilon: batch normalisation's.
    """

    def __init__(self, inputs: int, image: ImageSpec, width: float, *, bias: bool, epsilon: float) -> None:
        *narrower, channels = _channels(image, width)
        layers: list[nn.Module] = [
            nn.Linear(inputs, 4 * 4 * channels, bias=False),
            nn.BatchNorm1d(4 * 4 * channels, eps=epsilon),
            nn.ReLU(),
            nn.Unflatten(1, (channels, 4, 4)),
        ]
        for outputs in reversed(narrower):
            layers += [
                SameConvTranspose2d(channels, outputs, kernel=5, bias=False),
                nn.BatchNorm2d(outputs, eps=epsilon),
                nn.ReLU(),
            ]
            channels = outputs
        super().__init__(*layers, SameConvTranspose2d(channels, image.channels, kernel=5, bias=bias), nn.Tanh())


class Discriminator(nn.Sequential):
    """(N, C, H, W) images in [-1, 1] to (N, 1) numbers: logits of being real, or a critic's scores.

    Args:
        image: the images' shape.
        width: multiplier of the channels.
        bias: whether the layers without batch normalisation have one.
        epsilon: batch normalisation's; None for a critic, which does without.
    """

    def __init__(self, image: ImageSpec, width: float, *, bias: bool, epsilon: float | None) -> None:
        first, *wider = _channels(image, width)
        layers: list[nn.Module] = [SameConv2d(image.channels, first, kernel=5, bias=bias), nn.LeakyReLU(0.2)]
        inputs = first
        for outputs in wider:
            if epsilon is None:
                layers.append(SameConv2d(inputs, outputs, kernel=5, bias=bias))
            else:
                layers += [SameConv2d(inputs, outputs, kernel=5, bias=False), nn.BatchNorm2d(outputs, eps=epsilon)]
            layers.append(nn.LeakyReLU(0.2))
            inputs = outputs
        super().__init__(*layers, nn.Flatten(), nn.Linear(4 * 4 * inputs, 1, bias=bias))


def _channels(image: ImageSpec, width: float) -> list[int]:
    """Channels of the feature maps from the image to 4x4: 128, 256, 512, 1024 for 64x64 images."""
    return [scaled(128 * 2**i, width) for i in range(halvings(image))]
