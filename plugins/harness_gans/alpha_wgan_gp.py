"""alpha-GAN (Rosca et al., 2017) with Wasserstein critics in place of its discriminators."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from harness import Draws, Field, ImageSpec, Objective, Rng
from harness_gans.auto_encoding_gan import AutoEncodingGAN
from harness_gans.gradient_penalty import gradient_penalty
from harness_gans.initialisation import initialise_wgan_layer


class AlphaWGANGP(AutoEncodingGAN):
    """alpha-GAN (Rosca et al., 2017) with WGAN-GP's critics (Gulrajani et al., 2017) for images and for codes.

    D's loss is the sum of two of WGAN-GP's, with one critic: data against reconstructions and data against
    samples. So its bias has no effect, and λ weighs the reconstruction error against two adversarial terms; code
    that averages these has half the λ. Every update of a critic has a batch and latent vectors of its own. D has
    no batch normalisation, E and G have. Initial weights are WGAN-GP's.
    """

    source = (
        "Rosca et al., Variational Approaches for Auto-Encoding GANs, 2017 (arXiv:1706.04987), with the losses of "
        "Kwon et al., MICCAI 2019 (arXiv:1908.02498)"
    )

    class Config(AutoEncodingGAN.Config):
        """The frame's settings with a public reimplementation's values, and the penalties' weight."""

        encoder_updates: int = Field(1, gt=0, description="updates of E per step (reimplementation)")
        generator_updates: int = Field(1, gt=0, description="updates of G per step (reimplementation)")
        discriminator_updates: int = Field(5, gt=0, description="updates of D per step (reimplementation)")
        code_discriminator_updates: int = Field(5, gt=0, description="updates of C per step (reimplementation)")
        learning_rate: float = Field(1e-4, gt=0, description="Adam's for E and G (reimplementation; Kwon et al. 2e-4)")
        discriminator_learning_rate: float = Field(
            1e-4, gt=0, description="Adam's for D and C (reimplementation; Kwon et al. 2e-4)"
        )
        penalty: float = Field(10.0, ge=0, description="weight of each gradient penalty (WGAN-GP)")

    config: Config

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image, epsilon=None)

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Initialise every layer as WGAN-GP does; see `initialise_wgan_layer`."""
        initialise_wgan_layer(layer, rng)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Latent vectors, and how far each penalised image or code lies from real to made, in [0, 1)."""
        mixtures = {
            "reconstruction_mixture": rng.uniform(n, 1, 1, 1),
            "sample_mixture": rng.uniform(n, 1, 1, 1),
            "code_mixture": rng.uniform(n, 1),
        }
        return {**super().draw(n, rng), **mixtures}

    def objectives(self) -> list[Objective]:
        """E and G on one batch, then D and C with a new batch for every update."""
        encoder, generator, *critics = super().objectives()
        return [encoder, generator, *(replace(critic, fresh=True) for critic in critics)]

    def deceived(self, judgement: Tensor) -> Tensor:
        """-E f, the loss of the networks that the critic f is to score high; scalar."""
        return -judgement.mean()

    def discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """E f(G(E(x))) + E f(G(z)) - 2 E f(x), and a penalty between x and each of the two."""
        reals = 2 * images - 1
        with torch.no_grad():
            reconstructions, samples = self.made(self.encoder(reals), draws["latents"])
        judged = self.discriminator(torch.cat([reals, reconstructions, samples])).chunk(3)
        scores = dict(zip(("real", "reconstructions", "samples"), judged, strict=True))
        penalties = gradient_penalty(
            self.discriminator, reals, reconstructions, draws["reconstruction_mixture"]
        ) + gradient_penalty(self.discriminator, reals, samples, draws["sample_mixture"])
        return {
            "real": -2 * scores["real"].mean(),
            "reconstructions": scores["reconstructions"].mean(),
            "samples": scores["samples"].mean(),
            "penalty": self.config.penalty * penalties,
        }

    def code_discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """E f(E(x)) - E f(z) and the penalty."""
        latents = draws["latents"]
        with torch.no_grad():
            codes = self.encode(images)
        penalty = gradient_penalty(self.code_discriminator, latents, codes, draws["code_mixture"])
        return {
            "prior": -self.code_discriminator(latents).mean(),
            "codes": self.code_discriminator(codes).mean(),
            "penalty": self.config.penalty * penalty,
        }
