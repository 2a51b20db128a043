"""The frame that alpha-GAN and its Wasserstein variant fill in."""

import torch
from torch import Tensor

from harness import Adam, Draws, Field, ImageSpec, LatentSpace, Model, Normal, Objective, Rng, Settings
from harness.nn import halvings
from harness_gans.networks.alpha_gan import CodeDiscriminator, Encoder
from harness_gans.networks.dcgan import Discriminator, Generator


class AutoEncodingGAN(Model):
    """An encoder and a generator that reconstruct images, each against a discriminator.

    D judges images: those of the data against both reconstructions and samples. C judges codes: those of the
    prior against encoded ones. Each of the four networks has its own updates. Descendants say how D and C
    judge (their losses) and what deceives them (`deceived`).
    """

    class Config(Settings):
        """What both can be told. The paper gives ranges only, so "reimplementation" names public code by others."""

        latents: int = Field(128, gt=0, description="codes, standard normal (reimplementation)")
        encoder_reconstruction_weight: float = Field(
            10.0, ge=0, description="λ, the weight of E |x - G(E(x))| in [-1, 1], for E (reimplementations 1 to 40)"
        )
        generator_reconstruction_weight: float = Field(
            10.0, ge=0, description="the same for G; the paper has one λ, reimplementations sometimes a larger one here"
        )
        encoder_updates: int = Field(2, gt=0, description="updates of E per step (reimplementations)")
        generator_updates: int = Field(
            2, gt=0, description="updates of G per step (more than D's by the paper, 2 by reimplementations)"
        )
        discriminator_updates: int = Field(1, gt=0, description="updates of D per step (reimplementations)")
        code_discriminator_updates: int = Field(1, gt=0, description="updates of C per step (reimplementations)")
        learning_rate: float = Field(2e-4, gt=0, description="Adam's for E and G (reimplementations 1e-4 to 1e-3)")
        discriminator_learning_rate: float = Field(
            2e-4, gt=0, description="Adam's for D and C (reimplementations 1e-4 to 8e-4)"
        )
        beta1: float = Field(0.5, ge=0, lt=1, description="Adam's beta1; beta2 is 0.9 (reimplementations)")
        code_discriminator_units: int = Field(
            750, gt=0, description="units in each of C's two hidden layers (reimplementations)"
        )
        width: float = Field(1.0, gt=0, description="multiplier of the other networks' hidden channels; 1 is DCGAN's")

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec, *, epsilon: float | None) -> None:
        """`epsilon` is that of D's batch normalisation; None for a critic, which does without."""
        super().__init__(config, image)
        image.require(halvings(image) >= 2, type(self).__name__, "square ones of side 16, 32, 64, 128, ...")
        self.latents = LatentSpace({"latents": Normal(config.latents)})
        self.encoder = Encoder(image, config.latents, config.width)
        self.generator = Generator(config.latents, image, config.width, bias=True, epsilon=1e-5)
        self.discriminator = Discriminator(image, config.width, bias=True, epsilon=epsilon)
        self.code_discriminator = CodeDiscriminator(config.latents, config.code_discriminator_units)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Latent vectors from the prior."""
        return {"latents": self.latents.draw(n, rng)}

    def objectives(self) -> list[Objective]:
        """Updates of E, G, D and C: the order of the paper's algorithm 1, on the same images and latent vectors."""
        config = self.config
        adam = Adam(config.learning_rate, betas=(config.beta1, 0.9))
        judging = Adam(config.discriminator_learning_rate, betas=(config.beta1, 0.9))
        return [
            Objective("encoder", [self.encoder], self.encoder_loss, adam, config.encoder_updates),
            Objective("generator", [self.generator], self.generator_loss, adam, config.generator_updates),
            Objective(
                "discriminator", [self.discriminator], self.discriminator_loss, judging, config.discriminator_updates
            ),
            Objective(
                "code_discriminator",
                [self.code_discriminator],
                self.code_discriminator_loss,
                judging,
                config.code_discriminator_updates,
            ),
        ]

    def encoder_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """λ E |x - G(E(x))|, and a term that falls as E(x) deceives C."""
        reals = 2 * images - 1
        codes = self.encoder(reals)
        reconstructions, _ = self.made(codes, draws["latents"])
        error = (reconstructions - reals).abs().mean()
        return {
            "reconstruction": self.config.encoder_reconstruction_weight * error,
            "codes": self.deceived(self.code_discriminator(codes)),
        }

    def generator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """λ E |x - G(E(x))|, and terms that fall as G(E(x)) and G(z) deceive D."""
        reals = 2 * images - 1
        with torch.no_grad():
            codes = self.encoder(reals)
        reconstructions, samples = self.made(codes, draws["latents"])
        error = (reconstructions - reals).abs().mean()
        reconstructed, sampled = self.discriminator(torch.cat([reconstructions, samples])).chunk(2)
        return {
            "reconstruction": self.config.generator_reconstruction_weight * error,
            "reconstructions": self.deceived(reconstructed),
            "samples": self.deceived(sampled),
        }

    def deceived(self, judgement: Tensor) -> Tensor:
        """The loss of what deceives D or C, from their (N, 1) outputs: small where these mean "real"; scalar."""
        raise NotImplementedError(f"{type(self).__name__} must say what deceives its discriminators")

    def discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """The terms that the image discriminator D minimises, by name."""
        raise NotImplementedError(f"{type(self).__name__} must say how D judges")

    def code_discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """The terms that the code discriminator C minimises, by name."""
        raise NotImplementedError(f"{type(self).__name__} must say how C judges")

    def made(self, codes: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Images in [-1, 1] that G makes of (N, latents) codes and of as many latent vectors.

        One batch, always: should E's codes not follow the prior, then the running averages of batch normalisation
        are still those that both kinds of image are trained with.
        """
        reconstructions, samples = self.generator(torch.cat([codes, latents])).chunk(2)
        return reconstructions, samples

    def encode(self, images: Tensor) -> Tensor:
        """Codes of images, (N, latents)."""
        codes: Tensor = self.encoder(2 * images - 1)
        return codes

    def generate(self, latents: Tensor) -> Tensor:
        """(N, latents) latent vectors to images."""
        images: Tensor = self.generator(latents)
        return (images + 1) / 2

    def reconstruct(self, images: Tensor) -> Tensor:
        """The images that the codes of the images generate, (N, C, H, W)."""
        return self.generate(self.encode(images))
