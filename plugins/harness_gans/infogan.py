"""InfoGAN (Chen et al., 2016): a GAN that maximises the information between some latents and its images."""

from typing import Literal, NamedTuple, Self

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, OneHotCategorical

from harness import Adam, Categorical, Draws, Field, ImageSpec, LatentSpace, Model, Objective, Rng, Settings, Uniform
from harness.nn import categorical_log_probability, normal_log_density
from harness_gans.adversarial import called_fake, called_real
from harness_gans.initialisation import initialise_gan_layer
from harness_gans.networks.infogan import ARCHITECTURES, Discriminator, Generator


class Inferred(NamedTuple):
    """The parameters of Q(c|x) for N images."""

    logits: dict[str, Tensor]
    """(N, categories) of each categorical code, by its name."""
    mean: Tensor
    """(N, continuous), as is `log_std`."""
    log_std: Tensor


class InfoGAN(Model):
    """InfoGAN (Chen et al., 2016): a GAN whose codes can be read back from its images.

    Generator and Q maximise L_I = E log Q(c|G(z, c)) + H(c) <= I(c; G(z, c)) beside the GAN's own game. A step
    updates D and Q, then the generator, each with latent vectors of its own. Q belongs to D's optimizer, as in
    the authors' code. The latent parts are "categorical_1", "categorical_2", ..., "continuous" and "noise".
    """

    source = "Chen et al., InfoGAN, NeurIPS 2016 (arXiv:1606.03657)"

    class Config(Settings):
        """The defaults are the paper's for MNIST, or the authors' code's where the paper is silent.

        Codes and noise of the other datasets: svhn four categorical of 10, four continuous and 124; CelebA (with
        svhn's networks) ten categorical of 10 and 128; faces five continuous and 128; chairs one continuous, three
        categorical of 20 and 128.
        """

        networks: Literal["mnist", "faces", "svhn", "chairs"] = Field(
            "mnist", description="whose networks of the paper: for 28x28, 32x32, 32x32 (also CelebA's), 64x64 images"
        )
        categorical: tuple[int, ...] = Field((10,), description="categories of each categorical code (paper)")
        continuous: int = Field(2, ge=0, description="continuous codes, uniform in [-1, 1] (paper)")
        noise: int = Field(62, ge=0, description="incompressible noise, uniform in [-1, 1] (paper)")
        categorical_weight: float = Field(1.0, ge=0, description="λ of the categorical codes' L_I (paper)")
        continuous_weight: float = Field(1.0, ge=0, description="λ of the continuous codes' L_I (code)")
        std: Literal["learned", "fixed"] = Field(
            "learned", description="Q's standard deviations: learned (paper), or fixed to 1 (code)"
        )
        leak: float = Field(0.1, ge=0, lt=1, description="slope of D's leaky ReLU (paper; 0.01 in the code)")
        generator_learning_rate: float = Field(1e-3, gt=0, description="Adam's learning rate for G (paper)")
        discriminator_learning_rate: float = Field(2e-4, gt=0, description="Adam's learning rate for D and Q (paper)")
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels and units; 1 is the paper's")
        probe: bool = Field(
            False,
            description="Q only watches: L_I is no part of the generator's loss, as for the GAN of figure 1 (paper)",
        )

        @model_validator(mode="after")
        def _codes_make_sense(self) -> Self:
            if not self.categorical and not self.continuous:
                raise ValueError("at least one categorical or continuous code")
            if any(size < 2 for size in self.categorical):
                raise ValueError("at least 2 categories in each categorical code")
            return self

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        architecture = ARCHITECTURES[config.networks]
        divisor = max(architecture.shrinking, architecture.growing)
        image.require(
            image.height % divisor == 0 and image.width % divisor == 0,
            f"{type(self).__name__} with the networks for {config.networks}",
            f"a height and a width that {divisor} divides",
        )
        categorical = {f"categorical_{i}": Categorical(size) for i, size in enumerate(config.categorical, start=1)}
        continuous = {"continuous": Uniform(config.continuous)} if config.continuous else {}
        noise = {"noise": Uniform(config.noise)} if config.noise else {}
        self.latents = LatentSpace({**categorical, **continuous, **noise}, codes=[*categorical, *continuous])
        per_continuous = 2 if config.std == "learned" else 1
        outputs = sum(config.categorical) + per_continuous * config.continuous
        self.generator = Generator(self.latents.width, image, architecture, config.width)
        self.discriminator = Discriminator(image, outputs, architecture, config.width, config.leak)

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Weights and the gains of batch normalisation have standard deviation 0.02 (code)."""
        initialise_gan_layer(layer, rng, gain_std=0.02)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Latent vectors from the prior."""
        return {"latents": self.latents.draw(n, rng)}

    def objectives(self) -> list[Objective]:
        """One update of D and Q, then one of G, both by Adam with beta1 0.5 (code)."""
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
                fresh=True,
            ),
        ]

    def discriminator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E log D(x) - E log(1 - D(G(z, c))) - λ L_I; batch norm sees real and fake images apart."""
        with torch.no_grad():
            fakes = self.generator(draws["latents"])
        real = self.discriminator.judge(self.discriminator.trunk(images))
        fake, parameters = self.discriminator(fakes)
        return {"real": called_real(real), "fake": called_fake(fake), **self.information(parameters, draws)}

    def generator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E log D(G(z, c)) - λ L_I; without L_I where Q only watches."""
        logits, parameters = self.discriminator(self.generator(draws["latents"]))
        information = {} if self.config.probe else self.information(parameters, draws)
        return {"adversarial": called_real(logits), **information}

    def information(self, parameters: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-λ L_I of each code part, by its name, in nats.

        The entropy H(c) is a constant: ln K for a categorical code (so that λ ln K is the most it can gain), ln 2
        for each continuous one, where the authors' code has a normal density's.
        """
        parts = self.latents.split(draws["latents"])
        q = self.inferred(parameters)
        log_q = {name: categorical_log_probability(parts[name], logits) for name, logits in q.logits.items()}
        weights = dict.fromkeys(log_q, self.config.categorical_weight)
        if self.config.continuous:
            log_q["continuous"] = normal_log_density(parts["continuous"], q.mean, q.log_std)
            weights["continuous"] = self.config.continuous_weight
        return {name: -weights[name] * (log_q[name].mean() + self.latents.parts[name].entropy) for name in log_q}

    def inferred(self, parameters: Tensor) -> Inferred:
        """What (N, outputs) outputs of the Q network mean: logits, means and, if learned, log variances."""
        sizes, continuous = self.config.categorical, self.config.continuous
        variances = parameters.shape[1] - sum(sizes) - continuous
        *logits, mean, log_variance = torch.split(parameters, [*sizes, continuous, variances], dim=1)
        names = [name for name in self.latents.codes if name != "continuous"]
        log_std = 0.5 * log_variance if self.config.std == "learned" else torch.zeros_like(mean)
        return Inferred(dict(zip(names, logits, strict=True)), mean, log_std)

    def encode(self, images: Tensor) -> Tensor:
        """Q's category probabilities, code by code, then its means of the continuous codes, (N, D)."""
        q = self.inferred(self.discriminator(images)[1])
        return torch.cat([*(logits.softmax(dim=1) for logits in q.logits.values()), q.mean], dim=1)

    def generate(self, latents: Tensor) -> Tensor:
        """(N, codes and noise) latent vectors to images."""
        images: Tensor = self.generator(latents)
        return images

    def posterior(self, images: Tensor) -> dict[str, Distribution]:
        """Q(c|x) of each code part: one-hot categorical, or normal."""
        q = self.inferred(self.discriminator(images)[1])
        found: dict[str, Distribution] = {name: OneHotCategorical(logits=logits) for name, logits in q.logits.items()}
        if self.config.continuous:
            found["continuous"] = Independent(Normal(q.mean, q.log_std.exp()), 1)
        return found
