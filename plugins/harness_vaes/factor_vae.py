"""FactorVAE (Kim & Mnih, 2018): a VAE that weighs the total correlation, estimated by a discriminator."""

from typing import Literal

import torch
from torch import Tensor, nn

from harness import Adam, Draws, Field, ImageSpec, Objective, Rng
from harness.nn import scaled
from harness_vaes.vae import VAE, Posterior

HIDDEN_LAYERS = {"disentanglement_lib": 6, "infogan-cr": 5}
"""Of the discriminator in each paper's code."""


class FactorVAE(VAE):
    """FactorVAE (Kim & Mnih, 2018): reconstruction + KL + γ TC(z), TC estimated by a discriminator.

    The discriminator tells the latents of a batch (class 0) from the same latents with every dimension shuffled
    over the batch (class 1); the difference of its logits estimates log q(z) - log Πₗ q(zₗ). A step updates the
    VAE and then the discriminator. The 300,000 "steps" of disentanglement_lib count both updates, so they are
    150,000 of these.

    Its probabilities are clipped as in disentanglement_lib. InfoGAN-CR's code adds 1e-8 to them instead, which
    makes a difference below 1e-6 only.
    """

    source = "Kim & Mnih, Disentangling by Factorising, ICML 2018 (arXiv:1802.05983)"

    class Config(VAE.Config):
        """γ and the discriminator's settings beside those of every VAE."""

        gamma: float = Field(35.0, ge=0, description="weight of the total correlation (10, 20, 30, 40, 50, 100)")
        discriminator_learning_rate: float = Field(1e-4, gt=0, description="Adam's learning rate of the discriminator")
        discriminator_layers: int | None = Field(
            None, gt=0, description="its hidden layers, 1000 units each; by default 6, or 5 with infogan-cr's networks"
        )
        discriminator_batch: Literal["same", "noise", "fresh"] = Field(
            "same",
            description="what its update sees: images and noise of the VAE's (disentanglement_lib); the same images "
            "with noise of its own (InfoGAN-CR's code); or a batch of its own, from which the paper takes the "
            "shuffled latents, and the original ones from the VAE's",
        )

    config: Config

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        units, inputs = scaled(1000, config.width), config.latents
        layers: list[nn.Module] = []
        for _ in range(config.discriminator_layers or HIDDEN_LAYERS[config.networks]):
            layers += [nn.Linear(inputs, units), nn.LeakyReLU(0.2)]
            inputs = units
        self.discriminator = nn.Sequential(*layers, nn.Linear(inputs, 2))

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """The posterior noise of the VAE and of the discriminator, and an order of the batch for every latent.

        The orders are int64 (n, D), the others (n, D) and standard normal.
        """
        draws = {**super().draw(n, rng), "orders": rng.uniform(n, self.config.latents).argsort(dim=0)}
        own = self.config.discriminator_batch == "noise"
        return {**draws, "discriminator_noise": rng.normal(n, self.config.latents) if own else draws["noise"]}

    def objectives(self) -> list[Objective]:
        """One update of the VAE, then one of the discriminator."""
        discriminator = Objective(
            "discriminator",
            trains=[self.discriminator],
            loss=self.discriminator_loss,
            optimizer=Adam(self.config.discriminator_learning_rate, betas=(0.5, 0.9)),
            fresh=self.config.discriminator_batch == "fresh",
        )
        return [*super().objectives(), discriminator]

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """The KL divergence to the prior, and γ times the total correlation; scalars, in nats."""
        original, shuffled = self.discriminator(q.sample).unbind(dim=1)
        return {"kl": q.kl(), "total_correlation": self.config.gamma * (original - shuffled).mean()}

    def discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Half the cross entropy of each class, in nats; probabilities are clipped to [1e-6, 1 - 1e-6]."""
        with torch.no_grad():
            latents = self.infer(images, draws["discriminator_noise"]).sample
        shuffled = latents.gather(0, draws["orders"])
        p_original, p_shuffled = self.discriminator(torch.cat([latents, shuffled])).softmax(dim=1).chunk(2)
        return {"original": 0.5 * surprise(p_original[:, 0]), "shuffled": 0.5 * surprise(p_shuffled[:, 1])}


def surprise(probabilities: Tensor) -> Tensor:
    """-E log p, with p clipped to [1e-6, 1 - 1e-6]."""
    return -probabilities.clamp(1e-6, 1 - 1e-6).log().mean()
