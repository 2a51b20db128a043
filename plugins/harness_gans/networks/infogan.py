"""The networks of InfoGAN (Chen et al., 2016) for each of its datasets.

All convolutions have kernel 4 and, where no other is given, stride 2; "BN" stands before the activation, which
is lrelu in D and Q and ReLU in G. D and Q share a trunk, which D ends with FC 1 (a logit).

    mnist   trunk   conv 64; conv 128, BN; FC 1024, BN
            Q       FC 128, BN; FC parameters of the codes
            G       FC 1024, BN; FC 7·7·128, BN; deconv 64, BN; deconv C, sigmoid
    faces   as mnist, but Q has no layer of its own before its last
    svhn    trunk   conv 64; conv 128, BN; conv 256, BN
            Q       FC 128, BN; FC parameters of the codes
            G       FC 2·2·448, BN; deconv 256, BN; deconv 128; deconv 64; deconv C, tanh
    chairs  trunk   conv 64; conv 128, BN; conv 256, BN; conv 256 s1, BN; conv 256 s1, BN; FC 1024, BN
            Q       FC parameters of the codes
            G       FC 1024, BN; FC 8·8·256, BN; deconv 256 s1, BN; deconv 256 s1, BN; deconv 128, BN; deconv 64, BN;
                    deconv C, sigmoid

These are for images of 28x28 (mnist), 32x32 (faces; svhn, also CelebA's) and 64x64 (chairs). Other sizes have
larger or smaller maps; the strides must divide them. Layers before BN have no bias, which BN would remove.

The authors' code has those of mnist only; the others are the paper's as public reimplementations have them.
"""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from torch import Tensor, nn

from harness import ImageSpec
from harness.nn import SameConv2d, SameConvTranspose2d, scaled
from harness_gans.networks.ranges import Signed, Unsigned


class Convolution(NamedTuple):
    """A hidden convolution, transposed in a generator."""

    channels: int
    stride: int = 2
    normalised: bool = True
    """Whether batch normalisation follows."""


@dataclass(frozen=True)
class Architecture:
    """One architecture of the table above, as numbers.

    Attributes:
        trunk: convolutions of the trunk.
        trunk_units: of the fully connected layer after them; None where there is none.
        q_units: of Q's own hidden layer; None where there is none.
        generator_units: of the generator's first fully connected layer; None where there is none.
        start: channels of the generator's first map.
        hidden: the generator's transposed convolutions, without its last.
        signed: images are in [-1, 1] inside, and the generator ends in tanh.
    """

    trunk: tuple[Convolution, ...]
    trunk_units: int | None
    q_units: int | None
    generator_units: int | None
    start: int
    hidden: tuple[Convolution, ...]
    signed: bool = False

    @property
    def shrinking(self) -> int:
        """How many times smaller than the image, along each axis, the trunk's last map is."""
        return prod(convolution.stride for convolution in self.trunk)

    @property
    def growing(self) -> int:
        """How many times larger than the generator's first map the image is."""
        return prod(convolution.stride for convolution in self.hidden) * 2


FIRST = Convolution(64, normalised=False)

ARCHITECTURES = {
    "mnist": Architecture((FIRST, Convolution(128)), 1024, 128, 1024, 128, (Convolution(64),)),
    "faces": Architecture((FIRST, Convolution(128)), 1024, None, 1024, 128, (Convolution(64),)),
    "svhn": Architecture(
        trunk=(FIRST, Convolution(128), Convolution(256)),
        trunk_units=None,
        q_units=128,
        generator_units=None,
        start=448,
        hidden=(Convolution(256), Convolution(128, normalised=False), Convolution(64, normalised=False)),
        signed=True,
    ),
    "chairs": Architecture(
        trunk=(FIRST, Convolution(128), Convolution(256), Convolution(256, stride=1), Convolution(256, stride=1)),
        trunk_units=1024,
        q_units=None,
        generator_units=1024,
        start=256,
        hidden=(Convolution(256, stride=1), Convolution(256, stride=1), Convolution(128), Convolution(64)),
    ),
}


class Generator(nn.Sequential):
    """(N, inputs) latent vectors to (N, C, H, W) images in [0, 1].

    Args:
        inputs: width of a latent vector.
        image: the images' shape; `architecture.growing` divides height and width.
        architecture: its layers.
        width: multiplier of hidden channels and units.
    """

    def __init__(self, inputs: int, image: ImageSpec, architecture: Architecture, width: float) -> None:
        channels = scaled(architecture.start, width)
        start = (channels, image.height // architecture.growing, image.width // architecture.growing)
        layers: list[nn.Module] = []
        if architecture.generator_units is not None:
            units = scaled(architecture.generator_units, width)
            layers += _normalised(nn.Linear(inputs, units, bias=False), nn.ReLU())
            inputs = units
        layers += _normalised(nn.Linear(inputs, prod(start), bias=False), nn.ReLU())
        layers.append(nn.Unflatten(1, start))
        for hidden in architecture.hidden:
            outputs = scaled(hidden.channels, width)
            layer = SameConvTranspose2d(channels, outputs, 4, hidden.stride, bias=not hidden.normalised)
            layers += _normalised(layer, nn.ReLU()) if hidden.normalised else [layer, nn.ReLU()]
            channels = outputs
        layers.append(SameConvTranspose2d(channels, image.channels, kernel=4))
        super().__init__(*layers, *([nn.Tanh(), Unsigned()] if architecture.signed else [nn.Sigmoid()]))


class Discriminator(nn.Module):
    """D and Q: (N, C, H, W) images in [0, 1] to (N, 1) logits of being real and (N, outputs) parameters of Q.

    Args:
        image: the images' shape; `architecture.shrinking` divides height and width.
        outputs: parameters of Q.
        architecture: its layers.
        width: multiplier of hidden channels and units.
        leak: slope of the leaky ReLU.
    """

    def __init__(self, image: ImageSpec, outputs: int, architecture: Architecture, width: float, leak: float) -> None:
        super().__init__()
        layers: list[nn.Module] = [Signed()] if architecture.signed else []
        channels = image.channels
        for hidden in architecture.trunk:
            wider = scaled(hidden.channels, width)
            layer = SameConv2d(channels, wider, 4, hidden.stride, bias=not hidden.normalised)
            activation = nn.LeakyReLU(leak)
            layers += _normalised(layer, activation) if hidden.normalised else [layer, activation]
            channels = wider
        layers.append(nn.Flatten())
        features = channels * (image.height // architecture.shrinking) * (image.width // architecture.shrinking)
        if architecture.trunk_units is not None:
            units = scaled(architecture.trunk_units, width)
            layers += _normalised(nn.Linear(features, units, bias=False), nn.LeakyReLU(leak))
            features = units
        self.trunk = nn.Sequential(*layers)
        self.judge = nn.Linear(features, 1)
        layers = []
        if architecture.q_units is not None:
            units = scaled(architecture.q_units, width)
            layers += _normalised(nn.Linear(features, units, bias=False), nn.LeakyReLU(leak))
            features = units
        self.q = nn.Sequential(*layers, nn.Linear(features, outputs))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of being real (N, 1) and Q's parameters (N, outputs)."""
        features = self.trunk(images)
        return self.judge(features), self.q(features)


def _normalised(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, activation: nn.Module) -> list[nn.Module]:
    """A layer, followed by batch normalisation and an activation."""
    if isinstance(layer, nn.Linear):
        return [layer, nn.BatchNorm1d(layer.out_features), activation]
    return [layer, nn.BatchNorm2d(layer.out_channels), activation]
