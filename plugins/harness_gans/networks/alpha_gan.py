"""The networks that alpha-GAN (Rosca et al., 2017) adds to DCGAN's: an encoder and a code discriminator.

For 64x64 images; convolutions have kernel 5 and stride 2, "BN" stands before the activation:

    generator            DCGAN's
    image discriminator  DCGAN's
    encoder              DCGAN's discriminator with ReLU: conv 128, ReLU; conv 256, 512, 1024, each BN, ReLU; FC codes
    code discriminator   FC 750, lrelu 0.2; FC 750, lrelu; FC 1

Squares of side 4·2ⁿ have n convolutions, from 128 channels at the image to 128·2ⁿ⁻¹ at 4x4. `width`
multiplies the channels. Layers before BN have no bias, which BN would remove.
"""

from torch import nn

from harness import ImageSpec
from harness.nn import SameConv2d, halvings, scaled


class Encoder(nn.Sequential):
    """(N, C, H, W) images in [-1, 1] to (N, codes) codes."""

    def __init__(self, image: ImageSpec, codes: int, width: float) -> None:
        inputs = scaled(128, width)
        layers: list[nn.Module] = [SameConv2d(image.channels, inputs, kernel=5), nn.ReLU()]
        for i in range(1, halvings(image)):
            outputs = scaled(128 * 2**i, width)
            layers += [SameConv2d(inputs, outputs, kernel=5, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        super().__init__(*layers, nn.Flatten(), nn.Linear(4 * 4 * inputs, codes))


class CodeDiscriminator(nn.Sequential):
    """(N, codes) codes to (N, 1) numbers: logits of being from the prior, or a critic's scores."""

    def __init__(self, codes: int, units: int) -> None:
        super().__init__(
            nn.Linear(codes, units),
            nn.LeakyReLU(0.2),
            nn.Linear(units, units),
            nn.LeakyReLU(0.2),
            nn.Linear(units, 1),
        )
