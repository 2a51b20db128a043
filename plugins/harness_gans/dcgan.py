"""DCGAN (Radford et al., 2016): a convolutional generator against a convolutional discriminator."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Adam, Draws, Field, ImageSpec, LatentSpace, Model, Normal, Objective, Rng, Settings, Uniform
from harness.nn import halvings, normal_, zero_bias_
from harness_gans.networks.dcgan import Discriminator, Generator
from harness_gans.networks.dcgan_features import FeatureDiscriminator, FeatureGenerator


class DCGAN(Model):
    """DCGAN (Radford et al., 2016). It generates and does not infer, so metrics of representations do not apply.

    What its discriminator sees in images are features that the paper classifies with (`features`).

    By default a step updates one network only, the generator at even steps and the discriminator at odd ones,
    and every gradient includes an L2 term: the authors' code does both, the paper mentions neither. Where the
    code normalises by the current batch at sampling time too, `generate` uses running averages, so that an image
    does not depend on the images it is generated with.
    """

    source = "Radford et al., Unsupervised Representation Learning with DCGAN, ICLR 2016 (arXiv:1511.06434)"

    class Config(Settings):
        """The defaults are the paper's, or the authors' code's where the paper is silent."""

        networks: Literal["dcgan", "features"] = Field(
            "dcgan",
            description="the paper's for 64x64 images, kernel 5; or those of its feature extractor for 32x32 images, "
            "kernel 3",
        )
        noise: int = Field(100, gt=0, description="latents (paper; 256 with features)")
        prior: Literal["uniform", "normal"] = Field(
            "uniform", description="their prior: uniform in [-1, 1] (paper) or standard normal (code for SVHN)"
        )
        learning_rate: float = Field(2e-4, gt=0, description="Adam's learning rate for both networks (paper)")
        weight_decay: float = Field(
            1e-5, ge=0, description="weight of the L2 term in the gradients (code: faces; MNIST 2.5e-5)"
        )
        alternate: bool = Field(True, description="update one network per step (code); false updates D, then G")
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels; 1 is the paper's")

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        image.require(halvings(image) >= 2, type(self).__name__, "square ones of side 16, 32, 64, 128, ...")
        self.latents = LatentSpace(
            {"noise": Uniform(config.noise) if config.prior == "uniform" else Normal(config.noise)}
        )
        self.generator: nn.Sequential
        self.discriminator: nn.Sequential
        if config.networks == "dcgan":
            self.generator = Generator(config.noise, image, config.width, bias=False, epsilon=1e-8)
            self.discriminator = Discriminator(image, config.width, bias=False, epsilon=1e-8)
        else:
            self.generator = FeatureGenerator(config.noise, image, config.width, epsilon=1e-8)
            self.discriminator = FeatureDiscriminator(image, config.width, epsilon=1e-8)

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Weights N(0, 0.02²), gains of batch normalisation N(1, 0.02²) (code), biases 0."""
        weight = layer.weight
        assert isinstance(weight, Tensor)
        gain = isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
        normal_(weight, rng, mean=1.0 if gain else 0.0, std=0.02)
        zero_bias_(layer)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Latent vectors from the prior."""
        return {"latents": self.latents.draw(n, rng)}

    def objectives(self) -> list[Objective]:
        """G or D in turn, one a step; or both: D, then G with a batch and latents of its own."""
        adam = Adam(self.config.learning_rate, betas=(0.5, 0.999), weight_decay=self.config.weight_decay)
        generator, discriminator = [self.generator], [self.discriminator]
        if self.config.alternate:
            return [
                Objective("generator", generator, self.generator_loss, adam, when=lambda step: step % 2 == 0),
                Objective(
                    "discriminator", discriminator, self.discriminator_loss, adam, when=lambda step: step % 2 == 1
                ),
            ]
        return [
            Objective("discriminator", discriminator, self.discriminator_loss, adam),
            Objective("generator", generator, self.generator_loss, adam, fresh=True),
        ]

    def discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E log D(x) - E log(1 - D(G(z))); batch norm sees real and fake images apart."""
        with torch.no_grad():
            fakes = self.generator(draws["latents"])
        real, fake = self.discriminator(2 * images - 1), self.discriminator(fakes)
        return {"real": functional.softplus(-real).mean(), "fake": functional.softplus(fake).mean()}

    def generator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E log D(G(z)), the non-saturating loss; scalar, in nats."""
        logits = self.discriminator(self.generator(draws["latents"]))
        return {"adversarial": functional.softplus(-logits).mean()}

    def generate(self, latents: Tensor) -> Tensor:
        """(N, noise) latent vectors to images."""
        images: Tensor = self.generator(latents)
        return (images + 1) / 2

    def features(self, images: Tensor) -> list[Tensor]:
        """The discriminator's maps after each convolution's leaky ReLU (the paper's section 5.1)."""
        maps, signal = [], 2 * images - 1
        for layer in self.discriminator:
            signal = layer(signal)
            if isinstance(layer, nn.LeakyReLU):
                maps.append(signal)
        return maps
