"""The encoder and decoder of disentanglement_lib (Locatello et al., 2019), which all VAEs here share.

For 64x64 images, all layers with ReLU:

    encoder  conv 4 s2 32, conv 4 s2 32, conv 2 s2 64, conv 2 s2 64, FC 256; FC means and log variances
    decoder  FC 256, FC 1024 as 4x4x64, deconv 4 s2 64, 32, 32, C (logits)

Smaller or larger squares of side 4·2ⁿ leave out or repeat the layers with 32 channels, so that the smallest
map is always 4x4. `width` multiplies every number of hidden channels and units.
"""

from torch import Tensor, nn

from harness import ImageSpec
from harness.nn.convolution import SameConv2d, SameConvTranspose2d
from harness.nn.sizes import halvings, scaled


class Encoder(nn.Module):
    """(N, C, H, W) images to the means and log variances of a Gaussian, (N, latents) each."""

    def __init__(self, image: ImageSpec, latents: int, width: float) -> None:
        super().__init__()
        narrow, wide, hidden = scaled(32, width), scaled(64, width), scaled(256, width)
        layers: list[nn.Module] = []
        channels = image.channels
        for _ in range(halvings(image) - 2):
            layers += [SameConv2d(channels, narrow, kernel=4), nn.ReLU()]
            channels = narrow
        for _ in range(2):
            layers += [SameConv2d(channels, wide, kernel=2), nn.ReLU()]
            channels = wide
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 4 * wide, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, latents)
        self.log_variance = nn.Linear(hidden, latents)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances."""
        features = self.trunk(images)
        return self.mean(features), self.log_variance(features)


class Decoder(nn.Sequential):
    """(N, latents) to the logits of (N, C, H, W) images."""

    def __init__(self, image: ImageSpec, latents: int, width: float) -> None:
        narrow, wide, hidden = scaled(32, width), scaled(64, width), scaled(256, width)
        layers: list[nn.Module] = [nn.Linear(latents, hidden), nn.ReLU(), nn.Linear(hidden, 4 * 4 * wide), nn.ReLU()]
        layers += [nn.Unflatten(1, (wide, 4, 4)), SameConvTranspose2d(wide, wide, kernel=4), nn.ReLU()]
        channels = wide
        for _ in range(halvings(image) - 2):
            layers += [SameConvTranspose2d(channels, narrow, kernel=4), nn.ReLU()]
            channels = narrow
        super().__init__(*layers, SameConvTranspose2d(channels, image.channels, kernel=4))
