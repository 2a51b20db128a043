"""InfoGAN (modified) (Lin et al., 2020), as in the authors' code: the baseline of InfoGAN-CR."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from harness import Adam, Draws, Field, ImageSpec, LatentSpace, Model, Objective, Rng, Settings, Uniform
from harness.nn import halvings, normal_log_density, update_spectral_norms
from harness_gans.adversarial import called_fake, called_real
from harness_gans.initialisation import initialise_gan_layer
from harness_gans.networks import infogan_cr_celeba as celeba
from harness_gans.networks.infogan_cr import BatchNormContrast, Discriminator, Generator, SpectralContrast
from harness_gans.pairs import draw_pairs

PAPER = "Lin et al., InfoGAN-CR and ModelCentrality, ICML 2020 (arXiv:1906.06034)"


class Networks(NamedTuple):
    """The networks for one dataset; those of InfoGAN (modified) are the first two."""

    generator: type[Generator | celeba.Generator]
    discriminator: type[Discriminator | celeba.Discriminator]
    contrast: type[SpectralContrast | BatchNormContrast | celeba.Contrast]


NETWORKS = {
    "dsprites": Networks(Generator, Discriminator, SpectralContrast),
    "teapots": Networks(Generator, Discriminator, BatchNormContrast),
    "celeba": Networks(celeba.Generator, celeba.Discriminator, celeba.Contrast),
}


class InfoGANModified(Model):
    """InfoGAN (modified): uniform codes, spectral norm, Q with unit variance; the paper's stronger baseline.

    A step updates D and Q once and then the generator twice, all on the same images and latent vectors.
    """

    source = PAPER

    class Config(Settings):
        """The defaults are the authors' configuration for dSprites."""

        networks: Literal["dsprites", "teapots", "celeba"] = Field(
            "dsprites",
            description="whose networks: for 64x64 images (dSprites and CdSprites; teapots, which differ in CRD alone) "
            "or 32x32 (CelebA)",
        )
        codes: int = Field(5, gt=0, description="regularised codes, uniform in [-1, 1] (CdSprites 2)")
        noise: int = Field(5, ge=0, description="unregularised latents, uniform in [-1, 1] (CelebA 100)")
        information_weight: float = Field(
            0.05, ge=0, description="weight of -E log Q(c|x) (teapots and CdSprites 0.2, CelebA 2)"
        )
        generator_learning_rate: float = Field(1e-3, gt=0, description="Adam's learning rate for G (CelebA 2e-3)")
        discriminator_learning_rate: float = Field(
            2e-3, gt=0, description="Adam's learning rate for D and Q (CelebA 2e-4)"
        )
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels and units; 1 is the paper's")

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        name = f"{type(self).__name__} with the networks for {config.networks}"
        if config.networks == "celeba":
            fits = image.height % 16 == 0 and image.width % 16 == 0
            image.require(fits, name, "a height and a width that 16 divides")
        else:
            image.require(halvings(image) >= 2, name, "square ones of side 16, 32, 64, ...")
        networks = NETWORKS[config.networks]
        self.latents = LatentSpace({"codes": Uniform(config.codes), "noise": Uniform(config.noise)}, codes=["codes"])
        self.generator = networks.generator(self.latents.width, image, config.width)
        self.discriminator = networks.discriminator(image, config.codes, config.width)

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Weights have standard deviation 0.02; the gains of batch normalisation are 1."""
        initialise_gan_layer(layer, rng)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Latent vectors (n, codes + noise), and the pairs of InfoGAN-CR.

        The pairs are drawn here too, though unused, so that both models see the same latent vectors at every
        step: InfoGAN-CR before its contrastive term switches on *is* InfoGAN (modified).
        """
        return {"latents": self.latents.draw(n, rng), **draw_pairs(n, self.config.codes, self.config.noise, rng)}

    def objectives(self) -> list[Objective]:
        """One update of D and Q, then two of G."""
        return [
            Objective(
                "discriminator",
                trains=[self.discriminator],
                loss=self.discriminator_loss,
                optimizer=Adam(self.config.discriminator_learning_rate, betas=(0.5, 0.999)),
            ),
            Objective(
                "generator",
                trains=[self.generator],
                loss=self.generator_loss,
                optimizer=Adam(self.config.generator_learning_rate, betas=(0.5, 0.999)),
                repeats=2,
            ),
        ]

    def discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E log D(x) - E log(1 - D(G(z))) - λ E log Q(c|G(z))."""
        with torch.no_grad():
            fakes = self.generator(draws["latents"])
        # One pass for real and fake: nothing in D mixes the images of a batch.
        features = self.discriminator.trunk(torch.cat([images, fakes]))
        real, fake = self.discriminator.judge(features).split([len(images), len(fakes)])
        means = self.discriminator.q(features[len(images) :])
        return {"real": called_real(real), "fake": called_fake(fake), "information": self.information(means, draws)}

    def generator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E log D(G(z)) - λ E log Q(c|G(z))."""
        logits, means = self.discriminator(self.generator(draws["latents"]))
        return {"adversarial": called_real(logits), "information": self.information(means, draws)}

    def information(self, means: Tensor, draws: Draws) -> Tensor:
        """-λ E log Q(c|x) given Q's means (N, codes): Q is a normal of unit variance. In nats per image."""
        codes = self.latents.split(draws["latents"])["codes"]
        return -self.config.information_weight * normal_log_density(codes, means).mean()

    def finish_step(self) -> None:
        """Advance the vectors of spectral normalisation, as the authors do, once per step."""
        update_spectral_norms(self)

    def encode(self, images: Tensor) -> Tensor:
        """The means of Q(c|x), (N, codes)."""
        means: Tensor = self.discriminator(images)[1]
        return means

    def generate(self, latents: Tensor) -> Tensor:
        """(N, codes + noise) latent vectors to images."""
        images: Tensor = self.generator(latents)
        return images

    def posterior(self, images: Tensor) -> dict[str, Distribution]:
        """Q(c|x) under "codes": normal with unit variance."""
        return {"codes": Independent(Normal(self.encode(images), 1.0), 1)}
