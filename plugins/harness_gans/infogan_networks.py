"""The networks of InfoGAN for MNIST (Chen et al., 2016), at any image size that 4 divides.

For 28x28 images; convolutions have kernel 4 and stride 2, "BN" stands before the activation:

    trunk   conv 64, lrelu; conv 128, BN, lrelu; FC 1024, BN, lrelu
    D       trunk, FC 1 (logit)
    Q       trunk, FC 128, BN, lrelu, FC parameters of the codes
    G       FC 1024, BN, ReLU; FC 7·7·128, BN, ReLU; deconv 64, BN, ReLU; deconv C, sigmoid

7 is the image's side divided by 4, so 32x32 images give the paper's networks for 3D faces. `width` multiplies
every number of hidden channels and units. Layers before BN have no bias, which BN would remove.
"""

from torch import Tensor, nn

from harness import ImageSpec
from harness.nn.convolution import SameConv2d, SameConvTranspose2d
from harness.nn.sizes import scaled


class Generator(nn.Sequential):
    """(N, inputs) latent vectors to (N, C, H, W) images in [0, 1]."""

    def __init__(self, inputs: int, image: ImageSpec, width: float) -> None:
        units, wide, narrow = scaled(1024, width), scaled(128, width), scaled(64, width)
        height, breadth = image.height // 4, image.width // 4
        super().__init__(
            *_normalised(nn.Linear(inputs, units, bias=False), nn.ReLU()),
            *_normalised(nn.Linear(units, wide * height * breadth, bias=False), nn.ReLU()),
            nn.Unflatten(1, (wide, height, breadth)),
            *_normalised(SameConvTranspose2d(wide, narrow, kernel=4, bias=False), nn.ReLU()),
            SameConvTranspose2d(narrow, image.channels, kernel=4),
            nn.Sigmoid(),
        )


class Discriminator(nn.Module):
    """D and Q: (N, C, H, W) images to (N, 1) logits of being real and (N, outputs) parameters of Q."""

    def __init__(self, image: ImageSpec, outputs: int, width: float, leak: float) -> None:
        super().__init__()
        units, hidden = scaled(1024, width), scaled(128, width)
        narrow, wide = scaled(64, width), scaled(128, width)
        self.trunk = nn.Sequential(
            SameConv2d(image.channels, narrow, kernel=4),
            nn.LeakyReLU(leak),
            *_normalised(SameConv2d(narrow, wide, kernel=4, bias=False), nn.LeakyReLU(leak)),
            nn.Flatten(),
            *_normalised(
                nn.Linear(wide * (image.height // 4) * (image.width // 4), units, bias=False), nn.LeakyReLU(leak)
            ),
        )
        self.judge = nn.Linear(units, 1)
        self.q = nn.Sequential(
            *_normalised(nn.Linear(units, hidden, bias=False), nn.LeakyReLU(leak)), nn.Linear(hidden, outputs)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and Q's parameters."""
        features = self.trunk(images)
        return self.judge(features), self.q(features)


def _normalised(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, activation: nn.Module) -> list[nn.Module]:
    """A layer, batch normalisation and an activation."""
    if isinstance(layer, nn.Linear):
        return [layer, nn.BatchNorm1d(layer.out_features), activation]
    return [layer, nn.BatchNorm2d(layer.out_channels), activation]
