"""Tripod (Hsu et al., 2024): quantised latents, little shared information, and a decoder that mixes no two latents."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from harness import AdamW, Draws, Field, ImageSpec, LatentSpace, Model, Objective, Rng, Settings, Uniform
from harness.nn import halvings
from harness_vaes.residual_networks import Decoded, Decoder, Encoder

PERTURBATIONS = 2
STEP = 0.1
"""How far latents are perturbed, in standard deviations; second differences are divided by its square."""


class Tripod(Model):
    """Tripod (Hsu et al., 2024): an autoencoder with three inductive biases, which were weak one by one.

    Latents are rounded to few levels between -1 and 1 (finite scalar quantisation, gradients straight through), the
    information that they share is held down by a kernel density estimate of their multiinformation, and so is the
    decoder's mixed curvature: how much of its second derivatives, at four of its layers, is between different latents,
    as a share of all. The loss is the sigmoid cross entropy averaged over pixels, plus both terms with their weights.

    `generate` is fed uniform numbers, each of which becomes the nearest level. Codes are the levels taken, so for
    InfoMEC they are discrete.
    """

    source = (
        "Hsu et al., Tripod: Three Complementary Inductive Biases for Disentangled Representation Learning, ICML 2024 "
        "(arXiv:2404.10282)"
    )

    class Config(Settings):
        """The defaults are those of the authors' code, the weights those for Shapes3D."""

        latents: int = Field(12, gt=1, description="latents; the authors have twice as many as factors")
        levels: int = Field(12, gt=1, description="values of each latent")
        multiinformation_weight: float = Field(
            1e-4, ge=0, description="weight of the latents' multiinformation (MPI3D 1e-8, Falcor3D 1e-10, Isaac3D 1e-4)"
        )
        curvature_weight: float = Field(
            1e-2, ge=0, description="weight of the decoder's mixed curvature (MPI3D 1e-4, Falcor3D 1e-2, Isaac3D 1e-8)"
        )
        learning_rate: float = Field(2e-4, gt=0, description="AdamW's learning rate")
        weight_decay: float = Field(0.0, ge=0, description="AdamW's weight decay")
        clip_value: float = Field(1.0, gt=0, description="largest absolute value in a gradient")
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels and units; 1 is the paper's")

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        image.require(halvings(image) >= 1, "Tripod", "square ones of side 8, 16, 32, 64, 128, ...")
        # All levels are equally likely to be the nearest of such a number, the outermost too.
        bound = 1 + 1 / (config.levels - 1)
        self.latents = LatentSpace({"latents": Uniform(config.latents, -bound, bound)})
        self.encoder = Encoder(image, config.latents, config.width)
        self.decoder = Decoder(image, config.latents, config.width)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Directions in which the decoder is perturbed (n, 2, D): signs, and standard normal numbers."""
        shape = n, PERTURBATIONS, self.config.latents
        return {"signs": 2.0 * rng.integers(*shape, high=2) - 1, "normals": rng.normal(*shape)}

    def objectives(self) -> list[Objective]:
        """A single objective: reconstruction, multiinformation and mixed curvature."""
        optimizer = AdamW(
            self.config.learning_rate, weight_decay=self.config.weight_decay, clip_value=self.config.clip_value
        )
        return [Objective("autoencoder", trains=[self.encoder, self.decoder], loss=self.error, optimizer=optimizer)]

    def error(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Cross entropy per pixel and multiinformation, in nats, and the share of mixed curvature."""
        continuous = self.continuous(images)
        latents = continuous + (self.rounded(continuous) - continuous).detach()
        deviation = continuous.std(dim=0, correction=0) + 1e-6
        decoded: Decoded = self.decoder(latents)
        mixed, every = (
            self.curvature(latents, deviation, decoded, draws[name].to(latents.dtype)) for name in ("signs", "normals")
        )
        return {
            "reconstruction": functional.binary_cross_entropy_with_logits(decoded.logits, images),
            "multiinformation": self.config.multiinformation_weight * multiinformation(latents, deviation),
            "curvature": self.config.curvature_weight
            * torch.stack([(one / (all_ + 1e-10)).mean() for one, all_ in zip(mixed, every, strict=True)]).sum(),
        }

    def curvature(self, latents: Tensor, deviation: Tensor, decoded: Decoded, directions: Tensor) -> list[Tensor]:
        """The variance over directions of second differences of each hidden layer, averaged over its units: (N,) each.

        For directions of random signs it is twice the sum of the squared second derivatives by two different latents,
        for normal ones that by any two, latents measured in their deviations (Peebles et al., 2020, theorem 1).
        """
        shift = (STEP * directions * deviation).transpose(0, 1)
        # All shifted latents, both ways, are decoded as one batch: (2 directions, N, D) each.
        shifted = torch.cat([latents + shift, latents - shift]).flatten(0, 1)
        variances = []
        for middle, moved in zip(decoded.hidden, self.decoder(shifted).hidden, strict=True):
            ahead, behind = moved.unflatten(0, (2, PERTURBATIONS, len(latents))).unbind()
            differences = (ahead - 2 * middle + behind) / STEP**2
            variances.append(differences.var(dim=0, correction=0).flatten(1).mean(dim=1))
        return variances

    def continuous(self, images: Tensor) -> Tensor:
        """Latents (N, D) before they are rounded, between -1 and 1. The encoder sees pixels between -1 and 1, too."""
        latents: Tensor = self.encoder(2 * images - 1)
        return latents.tanh()

    def rounded(self, latents: Tensor) -> Tensor:
        """The nearest levels of latents (N, D); beyond the outermost level, that one."""
        steps = self.config.levels - 1
        return ((latents.clamp(-1, 1) + 1) / 2 * steps).round() / steps * 2 - 1

    def encode(self, images: Tensor) -> Tensor:
        """The level that each latent takes, (N, D), between -1 and 1."""
        return self.rounded(self.continuous(images))

    def generate(self, latents: Tensor) -> Tensor:
        """Means of the Bernoulli pixels, (N, C, H, W); each latent (N, D) is first moved to its nearest level."""
        decoded: Decoded = self.decoder(self.rounded(latents))
        return decoded.logits.sigmoid()

    def reconstruct(self, images: Tensor) -> Tensor:
        """The images that the levels taken decode to, (N, C, H, W)."""
        return self.generate(self.encode(images))


def multiinformation(latents: Tensor, deviation: Tensor) -> Tensor:
    """The mean of log q(z) - Σ log q(z_k) over a batch (N, D), each density a mixture of normals around its points.

    As in the authors' code the mixture of all latents is narrower than those of one: its deviations (D,) are scaled by
    Silverman's factor for N points in D dimensions, the others not at all.
    """
    n, d = latents.shape
    silverman = (4 / (d + 2)) ** (1 / (d + 4)) * n ** (-1 / (d + 4))

    def log_kernels(bandwidth: Tensor) -> Tensor:
        """Normal log densities, (N points, N centres, D)."""
        distance = (latents[:, None] - latents) / bandwidth
        return -0.5 * (distance.square() + math.log(2 * math.pi)) - bandwidth.log()

    joint = log_kernels(silverman * deviation).sum(dim=2).logsumexp(dim=1) - math.log(n)
    marginals = log_kernels(deviation).logsumexp(dim=1) - math.log(n)
    return (joint - marginals.sum(dim=1)).mean()
