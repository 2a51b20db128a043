"""alpha-GAN (Rosca et al., 2017): an autoencoder whose codes and images are judged by discriminators."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Draws, Field, ImageSpec, Rng
from harness.nn import glorot_uniform_, zero_bias_
from harness_gans.auto_encoding_gan import AutoEncodingGAN
from harness_gans.initialisation import initialise_dcgan_layer


class AlphaGAN(AutoEncodingGAN):
    """alpha-GAN (Rosca et al., 2017): variational inference with a synthetic likelihood and an implicit posterior.

    D's log density ratio of data to made images joins the reconstruction error as the likelihood, and C's of
    prior to encoded codes stands for the divergence of the posterior from the prior.

    The paper says little about its settings, and its code is not public. Known: the losses, that each network has
    its own update and that several updates of the generator for one of the discriminators work better. Chosen
    here: DCGAN's networks and initial weights (Glorot uniform for linear layers), no batch normalisation in C,
    weight 1 for each of D's three terms, reconstructions and samples as one batch to batch normalisation and data
    as another, and the settings whose description says reimplementation.
    """

    source = "Rosca et al., Variational Approaches for Auto-Encoding GANs, 2017 (arXiv:1706.04987)"

    class Config(AutoEncodingGAN.Config):
        """The settings of the frame, and how E and G answer."""

        form: Literal["reverse-kl", "non-saturating"] = Field(
            "reverse-kl",
            description="what E and G minimise of a logit l: -l, the log density ratio (paper), or -log sigmoid(l)",
        )

    config: Config

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image, epsilon=1e-5)

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Convolutions N(0, 0.02²), gains N(1, 0.02²), linear layers Glorot uniform, biases 0."""
        if isinstance(layer, nn.Linear):
            glorot_uniform_(layer.weight, rng)
            zero_bias_(layer)
        else:
            initialise_dcgan_layer(layer, rng)

    def deceived(self, judgement: Tensor) -> Tensor:
        """-log D + log(1 - D), which is minus the logit; or -log D, as the settings say."""
        return (-judgement if self.config.form == "reverse-kl" else functional.softplus(-judgement)).mean()

    def discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E log D(x) - E log(1 - D(G(E(x)))) - E log(1 - D(G(z)))."""
        reals = 2 * images - 1
        with torch.no_grad():
            fakes = torch.cat(self.made(self.encoder(reals), draws["latents"]))
        reconstructed, sampled = self.discriminator(fakes).chunk(2)
        return {
            "real": functional.softplus(-self.discriminator(reals)).mean(),
            "reconstructions": functional.softplus(reconstructed).mean(),
            "samples": functional.softplus(sampled).mean(),
        }

    def code_discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E log C(z) - E log(1 - C(E(x)))."""
        with torch.no_grad():
            codes = self.encode(images)
        return {
            "prior": functional.softplus(-self.code_discriminator(draws["latents"])).mean(),
            "codes": functional.softplus(self.code_discriminator(codes)).mean(),
        }
