"""QLAE (Hsu et al., 2023): an autoencoder whose latents take few values each."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import AdamW, Draws, Field, ImageSpec, LatentSpace, Model, Objective, Part, Rng, Settings
from harness.nn import halvings
from harness_vaes.quantised_networks import Decoder, Encoder


class Quantised(NamedTuple):
    """N representations of D latents, (N, D) each."""

    continuous: Tensor
    """As the encoder gives them."""
    nearest: Tensor
    """The value of each latent that comes nearest."""

    @property
    def straight_through(self) -> Tensor:
        """The nearest values, whose gradient is taken for that of the continuous ones."""
        return self.continuous + (self.nearest - self.continuous).detach()


class Quantiser(nn.Module):
    """The values that each latent may take, learnt; evenly spread over [-0.5, 0.5] at first."""

    def __init__(self, latents: int, levels: int) -> None:
        super().__init__()
        self.shape = latents, levels
        # A vector, so that they do not decay: 0 is no better a value than another.
        self.values = nn.Parameter(torch.linspace(-0.5, 0.5, levels).repeat(latents))

    def forward(self, continuous: Tensor) -> Quantised:
        """Each of (N, D) numbers, and the nearest of its latent's values."""
        values = self.values.view(self.shape)
        index = (continuous[:, :, None] - values).abs().argmin(dim=2, keepdim=True)
        nearest = values.expand(len(continuous), -1, -1).gather(2, index).squeeze(2)
        return Quantised(continuous, nearest)


@dataclass(frozen=True)
class LearntValues(Part):
    """`size` independent numbers, each one of the `levels` values that a quantiser has for its latent by now.

    All of them are equally likely. Two models with this prior draw different numbers from the same generator.
    """

    levels: int
    quantiser: Quantiser = field(repr=False, compare=False)

    @property
    def entropy(self) -> float:
        """The entropy in nats: ln(levels) for each column."""
        return self.size * math.log(self.levels)

    def draw(self, n: int, rng: Rng) -> Tensor:
        """Draw n vectors, (n, size)."""
        values = self.quantiser.values.detach().view(self.quantiser.shape).to(rng.device, torch.float32)
        return values.gather(1, rng.integers(self.size, n, high=self.levels)).T


class QLAE(Model):
    """QLAE (Hsu et al., 2023): an autoencoder with a scalar codebook for each latent, and strong weight decay.

    Every latent takes one of a few learnt values; the encoder gets the decoder's gradient straight through. The loss is
    the sigmoid cross entropy averaged over pixels, with small weights pulling values and latents to each other. Biases
    and codebooks do not decay, as in the released code. Gradients are cut by value, those of biases and codebooks too,
    which the released code leaves as they are.

    The prior draws each latent's learnt values with equal probability, and `generate` moves other numbers to the
    nearest of them. Codes are the values taken, so for InfoMEC they are discrete.
    """

    source = "Hsu et al., Disentanglement via Latent Quantization, NeurIPS 2023 (arXiv:2305.18378)"

    class Config(Settings):
        """The defaults are those of the authors' code."""

        latents: int = Field(12, gt=0, description="latents; the authors have twice as many as factors")
        levels: int = Field(10, gt=1, description="values of each latent")
        quantisation_weight: float = Field(0.01, ge=0, description="weight of the values' distance from the latents")
        commitment_weight: float = Field(0.01, ge=0, description="weight of the latents' distance from their values")
        learning_rate: float = Field(1e-3, gt=0, description="AdamW's learning rate")
        weight_decay: float = Field(
            0.1, ge=0, description="AdamW's weight decay, of weights and not of biases (MPI3D 0.001)"
        )
        clip_value: float = Field(1.0, gt=0, description="largest absolute value in a gradient")
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels and units; 1 is the paper's")

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        image.require(halvings(image) >= 1, "QLAE", "square ones of side 8, 16, 32, 64, 128, ...")
        self.encoder = Encoder(image, config.latents, config.width)
        self.quantiser = Quantiser(config.latents, config.levels)
        self.decoder = Decoder(image, config.latents, config.width)
        self.latents = LatentSpace({"latents": LearntValues(config.latents, config.levels, self.quantiser)})

    def objectives(self) -> list[Objective]:
        """A single objective: reconstruction, with values and latents kept near each other."""
        optimizer = AdamW(
            self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            decay_vectors=False,
            clip_value=self.config.clip_value,
        )
        networks = [self.encoder, self.quantiser, self.decoder]
        return [Objective("autoencoder", trains=networks, loss=self.error, optimizer=optimizer)]

    def error(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Cross entropy per pixel in nats, and the squared distances between latents and their values."""
        found: Quantised = self.quantiser(self.encoder(images))
        logits = self.decoder(found.straight_through)
        return {
            "reconstruction": functional.binary_cross_entropy_with_logits(logits, images),
            "quantisation": self.config.quantisation_weight
            * (found.continuous.detach() - found.nearest).square().mean(),
            "commitment": self.config.commitment_weight * (found.continuous - found.nearest.detach()).square().mean(),
        }

    def encode(self, images: Tensor) -> Tensor:
        """The value that each latent takes, (N, D)."""
        found: Quantised = self.quantiser(self.encoder(images))
        return found.nearest

    def generate(self, latents: Tensor) -> Tensor:
        """Means of the Bernoulli pixels, (N, C, H, W); each latent (N, D) is first moved to its nearest value."""
        logits: Tensor = self.decoder(self.quantiser(latents).nearest)
        return logits.sigmoid()

    def reconstruct(self, images: Tensor) -> Tensor:
        """The images that the values taken decode to, (N, C, H, W)."""
        return self.generate(self.encode(images))
