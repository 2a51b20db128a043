"""AGE (Ulyanov et al., 2018): an encoder and a generator as each other's opponents."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Adam, Draws, Field, ImageSpec, LatentSpace, Model, Objective, Rng, Settings, Sphere
from harness.nn import halvings
from harness_gans.initialisation import initialise_dcgan_layer
from harness_gans.networks.age import Encoder, Generator


class AGE(Model):
    """AGE (Ulyanov et al., 2018): an adversarial game between an encoder and a generator, without a discriminator.

    Latents and codes lie on the unit sphere. E brings the codes of the data to the prior and drives those of
    generated images from it; G brings the latter to it. How far a batch of codes is from the prior is measured
    by a Gaussian fit to each code (`divergence`). A step updates E once and then G several times, each with a
    new batch and new latents. After training batch normalisation uses running averages, as in the code: E's are
    over generated images as well as data.
    """

    source = "Ulyanov et al., Adversarial Generator-Encoder Networks, AAAI 2018 (arXiv:1704.02304)"

    class Config(Settings):
        """The defaults are the authors' for CelebA at 64x64."""

        latents: int = Field(64, gt=1, description="codes, uniform on the unit sphere (CIFAR-10, Tiny ImageNet 128)")
        reconstruction_weight: float = Field(
            10.0, ge=0, description="weight of E |x - G(E(x))| in [-1, 1], for E (CelebA's last epoch 15)"
        )
        latent_weight: float = Field(
            1000.0, ge=0, description="weight of 2 - mean of E(G(z))·z over batch and codes, for G (Tiny ImageNet 2000)"
        )
        moments: Literal["formula", "code"] = Field(
            "formula",
            description="what s is in the fit (s² + m²)/2 - log s - 1/2: the standard deviation, for which it is a "
            "divergence (paper), or the variance (code)",
        )
        generator_updates: int = Field(3, gt=0, description="updates of G per step (CIFAR-10, Tiny ImageNet 2)")
        learning_rate: float = Field(2e-4, gt=0, description="Adam's learning rate at first, for both networks")
        drop_steps: int = Field(
            0, ge=0, description="steps after which the learning rate halves, again and again; 0 for never"
        )
        drop_early: int = Field(
            0,
            ge=0,
            description="steps by which each halving comes early: an epoch's, in the code, which counts epochs from 1",
        )
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels; 1 is the code's")

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        image.require(halvings(image) >= 2, type(self).__name__, "square ones of side 16, 32, 64, 128, ...")
        self.latents = LatentSpace({"latents": Sphere(config.latents)})
        self.encoder = Encoder(image, config.latents, config.width)
        self.generator = Generator(config.latents, image, config.width)

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Weights N(0, 0.02²), gains of batch normalisation N(1, 0.02²), biases 0."""
        initialise_dcgan_layer(layer, rng)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Latent vectors from the prior."""
        return {"latents": self.latents.draw(n, rng)}

    def objectives(self) -> list[Objective]:
        """An update of E, then several of G."""
        adam = Adam(self.learning_rate if self.config.drop_steps else self.config.learning_rate, betas=(0.5, 0.999))
        updates = self.config.generator_updates
        return [
            Objective("encoder", [self.encoder], self.encoder_loss, adam),
            Objective("generator", [self.generator], self.generator_loss, adam, repeats=updates, fresh=True),
        ]

    def milestones(self) -> Mapping[str, int]:
        """The step at which the learning rate first drops."""
        config = self.config
        return {"drop_steps": config.drop_steps - config.drop_early} if config.drop_steps else {}

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step: halved every `drop_steps` steps, each time `drop_early` steps early."""
        return self.config.learning_rate * 0.5 ** ((step + self.config.drop_early) // self.config.drop_steps)

    def encoder_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Δ(E(x)) - Δ(E(G(z))) + w E |x - G(E(x))|; batch norm sees real and generated images apart."""
        reals = 2 * images - 1
        with torch.no_grad():
            fakes = self.generator(draws["latents"])
        codes = self.inferred(reals)
        error = (self.generator(codes) - reals).abs().mean()
        return {
            "real": self.divergence(codes),
            "fake": -self.divergence(self.inferred(fakes)),
            "reconstruction": self.config.reconstruction_weight * error,
        }

    def generator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Δ(E(G(z))) + w (2 - mean of E(G(z))·z); the mean is over all N times D products, as in the code."""
        codes = self.inferred(self.generator(draws["latents"]))
        distance = 2 - (codes * draws["latents"]).mean()
        return {"fake": self.divergence(codes), "latents": self.config.latent_weight * distance}

    def divergence(self, codes: Tensor) -> Tensor:
        """Δ: how far (N, D) codes are from N(0, 1), averaged over codes; scalar, in nats with moments "formula".

        KL(N(m, s²) || N(0, 1)) of each code's mean m and standard deviation s over the batch. Points uniform on
        the sphere have s² = 1/D, so the prior itself is not at 0; the contrast of real and generated is what matters.
        """
        variance, mean = torch.var_mean(codes, dim=0, correction=0)
        if self.config.moments == "formula":
            fit = (variance + mean.square() - variance.log() - 1) / 2
        else:
            fit = (variance.square() + mean.square() - 1) / 2 - variance.log()
        return fit.mean()

    def inferred(self, images: Tensor) -> Tensor:
        """Codes of (N, C, H, W) images in [-1, 1]: points of the unit sphere, (N, latents)."""
        return functional.normalize(self.encoder(images), dim=1)

    def encode(self, images: Tensor) -> Tensor:
        """Codes of images: points of the unit sphere, (N, latents)."""
        return self.inferred(2 * images - 1)

    def generate(self, latents: Tensor) -> Tensor:
        """(N, latents) points of the sphere to images."""
        images: Tensor = self.generator(latents)
        return (images + 1) / 2

    def reconstruct(self, images: Tensor) -> Tensor:
        """The images that the codes of the images generate, (N, C, H, W)."""
        return self.generate(self.encode(images))
