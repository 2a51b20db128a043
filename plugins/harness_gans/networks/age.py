"""The networks of AGE (Ulyanov et al., 2018), as in the authors' code.

Convolutions have kernel 4 and stride 2, "BN" stands before the activation. For 64x64 images:

    E   conv 64, lrelu 0.2; conv 128, 256, 512, each BN, lrelu; conv of the whole 4x4 map to the latents
    G   deconv 512 of one point to 4x4, BN, ReLU; deconv 256, 128, 64, each BN, ReLU; deconv C, tanh

For 32x32 images:

    E   conv 64, lrelu; conv 128, 256, each BN, lrelu; conv to the latents, mean of the 2x2 map
    G   deconv 512 of one point to 4x4, BN, ReLU; deconv 256, 128, 128, each BN, ReLU; 1x1 conv C, tanh

Other squares of side 4·2ⁿ follow the nets for 64x64, with n strided convolutions each. `width` multiplies the
hidden channels. Of all layers only E's last and the 1x1 convolution have a bias.
"""

from torch import nn

from harness import ImageSpec
from harness.nn import SameConv2d, SameConvTranspose2d, halvings, scaled


class Encoder(nn.Sequential):
    """(N, C, H, W) images in [-1, 1] to (N, latents) numbers, not yet on the sphere."""

    def __init__(self, image: ImageSpec, latents: int, width: float) -> None:
        small = image.height == 32
        first, *wider = _channels(image, width)
        layers: list[nn.Module] = [SameConv2d(image.channels, first, kernel=4, bias=False), nn.LeakyReLU(0.2)]
        inputs = first
        for outputs in wider:
            layers += [
                SameConv2d(inputs, outputs, kernel=4, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
            inputs = outputs
        head = [SameConv2d(inputs, latents, kernel=4), nn.AvgPool2d(2)] if small else [nn.Conv2d(inputs, latents, 4)]
        super().__init__(*layers, *head, nn.Flatten())


class Generator(nn.Sequential):
    """(N, latents) points of the sphere to (N, C, H, W) images in [-1, 1]."""

    def __init__(self, latents: int, image: ImageSpec, width: float) -> None:
        small = image.height == 32
        channels = list(reversed(_channels(image, width)))
        if small:
            channels = [scaled(512, width), *channels[:2], channels[1]]
        inputs, *narrower = channels
        layers: list[nn.Module] = [
            nn.Unflatten(1, (latents, 1, 1)),
            nn.ConvTranspose2d(latents, inputs, 4, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
        ]
        for outputs in narrower:
            layers += [
                SameConvTranspose2d(inputs, outputs, kernel=4, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            inputs = outputs
        head = (
            nn.Conv2d(inputs, image.channels, 1)
            if small
            else SameConvTranspose2d(inputs, image.channels, kernel=4, bias=False)
        )
        super().__init__(*layers, head, nn.Tanh())


def _channels(image: ImageSpec, width: float) -> list[int]:
    """Channels of E's hidden feature maps: 64, 128, 256, 512 for 64x64 images and 64, 128, 256 for 32x32."""
    return [scaled(64 * 2**i, width) for i in range(halvings(image))]
