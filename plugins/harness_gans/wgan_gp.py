"""WGAN-GP (Gulrajani et al., 2017): a Wasserstein GAN whose critic is held to slope 1 by a penalty."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from harness import Adam, Draws, Field, ImageSpec, LatentSpace, Model, Normal, Objective, Rng, Settings
from harness.nn import glorot_uniform_, halvings, zero_bias_
from harness_gans.gradient_penalty import gradient_penalty
from harness_gans.initialisation import initialise_wgan_layer
from harness_gans.networks import dcgan as dcgan_networks
from harness_gans.networks import wgan_gp as resnet


class WGANGP(Model):
    """WGAN-GP (Gulrajani et al., 2017) with the networks of the authors' scripts for CIFAR-10.

    A step is one generator update (left out at step 0) and then several of the critic, each with a new batch and
    new latents. The model generates and does not infer. `generate` uses running averages of batch normalisation,
    the scripts the current batch.

    The script with residual networks beside `networks = "resnet"` has generator_batch 2, learning_rate 2e-4,
    decay_steps 100000 and beta1 0. As shipped it is conditional; here it is not, and adds no noise to the images.
    """

    source = "Gulrajani et al., Improved Training of Wasserstein GANs, NeurIPS 2017 (arXiv:1704.00028)"

    class Config(Settings):
        """The defaults are those of the authors' script for CIFAR-10 with DCGAN-like networks."""

        networks: Literal["dcgan", "resnet"] = Field("dcgan", description="DCGAN-like or residual networks")
        noise: int = Field(128, gt=0, description="latents, standard normal")
        penalty: float = Field(10.0, ge=0, description="weight of the gradient penalty")
        critic_updates: int = Field(5, gt=0, description="critic updates per step")
        generator_batch: int = Field(
            1,
            gt=0,
            description="images of a generator update, as a multiple of the batch size (2 in the ResNet script)",
        )
        learning_rate: float = Field(
            1e-4, gt=0, description="Adam's learning rate for both networks, at first (2e-4 in the ResNet script)"
        )
        decay_steps: int = Field(
            0,
            ge=0,
            description="steps in which the learning rate falls linearly to 0 (100000 in the ResNet script); "
            "0 keeps it",
        )
        beta1: float = Field(0.5, ge=0, lt=1, description="Adam's beta1 (0 in the paper and the ResNet script)")
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels; 1 is the scripts'")

    config: Config
    latents: LatentSpace
    generator: nn.Module
    critic: nn.Module

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        image.require(halvings(image) >= 2, type(self).__name__, "square ones of side 16, 32, 64, 128, ...")
        self.latents = LatentSpace({"noise": Normal(config.noise)})
        if config.networks == "dcgan":
            self.generator = dcgan_networks.Generator(config.noise, image, config.width, bias=True, epsilon=1e-5)
            self.critic = dcgan_networks.Discriminator(image, config.width, bias=True, epsilon=None)
        else:
            self.generator = resnet.Generator(config.noise, image, config.width)
            self.critic = resnet.Critic(image, config.width)

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Initialise every layer as the scripts do; see `initialise_wgan_layer`."""
        if isinstance(layer, resnet.GlorotConv2d):
            glorot_uniform_(layer.weight, rng)
            zero_bias_(layer)
        else:
            initialise_wgan_layer(layer, rng)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Latent vectors from the prior, and how far each penalised image lies from real to fake, in [0, 1)."""
        latents = self.latents.draw(self.config.generator_batch * n, rng)
        return {"latents": latents, "mixture": rng.uniform(n, 1, 1, 1)}

    def objectives(self) -> list[Objective]:
        """One update of G, then several of the critic."""
        config = self.config
        adam = Adam(self.learning_rate if config.decay_steps else config.learning_rate, betas=(config.beta1, 0.9))
        return [
            Objective("generator", [self.generator], self.generator_loss, adam, when=lambda step: step > 0),
            Objective("critic", [self.critic], self.critic_loss, adam, repeats=config.critic_updates, fresh=True),
        ]

    def milestones(self) -> Mapping[str, int]:
        """The last step whose learning rate is above 0."""
        return {"decay_steps": self.config.decay_steps - 1} if self.config.decay_steps else {}

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step: 0 from `decay_steps` on."""
        return self.config.learning_rate * max(0.0, 1 - step / self.config.decay_steps)

    def generator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E f(G(z)), with f the critic; scalar."""
        scores: Tensor = self.critic(self.generator(draws["latents"]))
        return {"score": -scores.mean()}

    def critic_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """E f(G(z)) - E f(x) + λ E (|∇f(x̂)| - 1)², x̂ on the line from x to G(z) (the paper's equation 3)."""
        reals = 2 * images - 1
        with torch.no_grad():
            fakes = self.generator(draws["latents"][: len(images)])
        real, fake = self.critic(torch.cat([reals, fakes])).chunk(2)
        penalty = self.config.penalty * gradient_penalty(self.critic, reals, fakes, draws["mixture"])
        return {"real": -real.mean(), "fake": fake.mean(), "penalty": penalty}

    def generate(self, latents: Tensor) -> Tensor:
        """(N, noise) latent vectors to images."""
        images: Tensor = self.generator(latents)
        return (images + 1) / 2
