"""A small model that can do everything: what metrics and selectors are checked on."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.distributions import Normal as NormalDistribution

from harness.config import Settings
from harness.latents import LatentSpace, Normal
from harness.model import ImageSpec, Model
from harness.nn.densities import normal_kl
from harness.objective import Draws, Objective
from harness.optimizer import Adam


class TinyVAE(Model):
    """A variational autoencoder of two linear layers and one convolution, with four codes."""

    CODES = 4

    latents: LatentSpace

    def __init__(self, config: Settings, image: ImageSpec) -> None:
        super().__init__(config, image)
        pixels = image.channels * image.height * image.width
        self.latents = LatentSpace({"codes": Normal(self.CODES)})
        self.maps = nn.Conv2d(image.channels, 4, kernel_size=3, padding=1)
        self.encoder = nn.Linear(pixels, 2 * self.CODES)
        self.decoder = nn.Linear(self.CODES, pixels)

    def objectives(self) -> list[Objective]:
        """A single objective: the error of reconstruction."""
        return [Objective("error", trains=[self], loss=self.error, optimizer=Adam(1e-2))]

    def error(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Mean squared error of the reconstructions."""
        return {"reconstruction": (self.reconstruct(images) - images).square().mean()}

    def encode(self, images: Tensor) -> Tensor:
        """Posterior means, (N, 4)."""
        return self._inferred(images)[0]

    def generate(self, latents: Tensor) -> Tensor:
        """Images in (0, 1)."""
        image = self.image
        pixels: Tensor = self.decoder(latents).sigmoid()
        return pixels.view(-1, image.channels, image.height, image.width)

    def reconstruct(self, images: Tensor) -> Tensor:
        """The images that the posterior means decode to."""
        return self.generate(self.encode(images))

    def posterior(self, images: Tensor) -> dict[str, Distribution]:
        """Diagonal Gaussians under "codes"."""
        mean, log_variance = self._inferred(images)
        return {"codes": Independent(NormalDistribution(mean, (0.5 * log_variance).exp()), 1)}

    def kl(self, images: Tensor) -> Tensor:
        """KL divergence of the posterior of each code to its prior, (N, 4)."""
        return normal_kl(*self._inferred(images))

    def features(self, images: Tensor) -> list[Tensor]:
        """The feature maps of the only convolution, four of them."""
        return [torch.relu(self.maps(images))]

    def _inferred(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(images.flatten(1)).chunk(2, dim=1)
        return mean, log_variance
