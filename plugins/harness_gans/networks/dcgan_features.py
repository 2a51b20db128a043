"""The networks of DCGAN (Radford et al., 2016) whose discriminator the paper classifies CIFAR-10 and SVHN with.

For 32x32 images; convolutions have kernel 3, s1 and s2 are strides, "BN" stands before the activation:

    generator       FC 512·4·4, BN, ReLU; deconv 512 s2, 256 s1, 256 s2, 128 s1, 128 s2, each BN, ReLU; deconv C s1,
                    tanh
    discriminator   conv 128 s1, lrelu 0.2; conv 128 s2, 256 s1, 256 s2, 512 s1, 512 s2, each BN, lrelu; FC 1

Pooled to 4x4, the discriminator's six maps are the paper's 28,672 features. Its strides and its channels are
known, the last two because of that number, and the generator's channels from the sizes of the published gains.
Squares of side 4·2ⁿ have n pairs of convolutions. `width` multiplies the channels. No layer
but batch normalisation has a bias. The authors' code pads 1 pixel before a convolution of stride 2, where 1 is
added after it here.
"""

from torch import nn

from harness import ImageSpec
from harness.nn import SameConv2d, SameConvTranspose2d, halvings, scaled


class FeatureGenerator(nn.Sequential):
    """(N, inputs) latent vectors to (N, C, H, W) images in [-1, 1]."""

    def __init__(self, inputs: int, image: ImageSpec, width: float, *, epsilon: float) -> None:
        plan = _convolutions(image, width)
        channels = plan[-1][0]
        layers: list[nn.Module] = [
            nn.Linear(inputs, 4 * 4 * channels, bias=False),
            nn.BatchNorm1d(4 * 4 * channels, eps=epsilon),
            nn.ReLU(),
            nn.Unflatten(1, (channels, 4, 4)),
        ]
        # Backwards: each layer leads to the channels from which the discriminator's came, by the same stride.
        for (outputs, _), (_, stride) in zip(reversed(plan[:-1]), reversed(plan[1:]), strict=True):
            layers += [
                SameConvTranspose2d(channels, outputs, 3, stride, bias=False),
                nn.BatchNorm2d(outputs, eps=epsilon),
                nn.ReLU(),
            ]
            channels = outputs
        super().__init__(*layers, SameConvTranspose2d(channels, image.channels, 3, stride=1, bias=False), nn.Tanh())


class FeatureDiscriminator(nn.Sequential):
    """(N, C, H, W) images in [-1, 1] to (N, 1) logits of being real."""

    def __init__(self, image: ImageSpec, width: float, *, epsilon: float) -> None:
        (first, stride), *plan = _convolutions(image, width)
        layers: list[nn.Module] = [SameConv2d(image.channels, first, 3, stride, bias=False), nn.LeakyReLU(0.2)]
        inputs = first
        for outputs, stride in plan:
            layers += [
                SameConv2d(inputs, outputs, 3, stride, bias=False),
                nn.BatchNorm2d(outputs, eps=epsilon),
                nn.LeakyReLU(0.2),
            ]
            inputs = outputs
        super().__init__(*layers, nn.Flatten(), nn.Linear(4 * 4 * inputs, 1, bias=False))


def _convolutions(image: ImageSpec, width: float) -> list[tuple[int, int]]:
    """Channels and stride of the discriminator's convolutions: 128 s1, 128 s2, 256 s1, ... for 32x32 images."""
    return [(scaled(128 * 2**i, width), stride) for i in range(halvings(image)) for stride in (1, 2)]
