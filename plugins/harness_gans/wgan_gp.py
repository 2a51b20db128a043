"""WGAN-GP."""

import math

import torch
from torch import Tensor, nn
from torch.func import grad

from harness import Adam, Field, ImageSpec, LatentSpace, Model, Normal, Objective, Rng, Settings
from harness.nn.initialisers import glorot_uniform_, uniform_, zero_bias_
from harness.nn.sizes import halvings
from harness.objective import Draws

from .dcgan_networks import Discriminator, Generator


class WGANGP(Model):
    """WGAN-GP (Gulrajani et al., 2017) with the DCGAN-like networks of the authors' CIFAR-10 script.

    A step is one generator update (left out at step 0) and then several of the critic, each with a new batch and
    new latents. The model generates and does not infer. `generate` uses running averages of batch normalisation,
    the script the current batch.
    """

    source = "Gulrajani et al., Improved Training of Wasserstein GANs, NeurIPS 2017 (arXiv:1704.00028)"

    class Config(Settings):
        """The defaults are those of the authors' script for CIFAR-10 with DCGAN-like networks."""

        noise: int = Field(128, gt=0, description="latents, standard normal")
        penalty: float = Field(10.0, ge=0, description="weight of the gradient penalty")
        critic_updates: int = Field(5, gt=0, description="critic updates per step")
        learning_rate: float = Field(1e-4, gt=0, description="Adam's learning rate for both networks")
        beta1: float = Field(0.5, ge=0, lt=1, description="Adam's beta1 (0 in the paper's algorithm)")
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels; 1 is the script's")

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        image.require(halvings(image) >= 2, type(self).__name__, "square ones of side 16, 32, 64, 128, ...")
        self.latents = LatentSpace({"noise": Normal(config.noise)})
        self.generator = Generator(config.noise, image, config.width, bias=True, epsilon=1e-5)
        self.critic = Discriminator(image, config.width, bias=True, epsilon=None)

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Linear layers Glorot uniform; convolutions uniform with variance 4 / (fan in + fan out); gains 1, biases 0.

        The fan on the side of the smaller image is divided by the square of the stride, as in the script.
        """
        weight = layer.weight
        assert isinstance(weight, Tensor)
        if isinstance(layer, nn.Linear):
            glorot_uniform_(weight, rng)
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            # Of both kinds of weight the second dimension is the channels of the larger image.
            small, large, height, width = weight.shape
            fans = height * width * (small / math.prod(layer.stride) + large)
            uniform_(weight, rng, bound=math.sqrt(3 * 4 / fans))
        else:
            nn.init.ones_(weight)
        zero_bias_(layer)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """Latent vectors from the prior, and how far each penalised image lies from real to fake, in [0, 1)."""
        return {"latents": self.latents.draw(n, rng), "mixture": rng.uniform(n, 1, 1, 1)}

    def objectives(self) -> list[Objective]:
        """G, then the critic several times."""
        adam = Adam(self.config.learning_rate, betas=(self.config.beta1, 0.9))
        return [
            Objective("generator", [self.generator], self.generator_loss, adam, when=lambda step: step > 0),
            Objective("critic", [self.critic], self.critic_loss, adam, repeats=self.config.critic_updates, fresh=True),
        ]

    def generator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """-E f(G(z))."""
        scores: Tensor = self.critic(self.generator(draws["latents"]))
        return {"score": -scores.mean()}

    def critic_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """E f(G(z)) - E f(x) + λ E (|∇f(x̂)| - 1)², x̂ on the line from x to G(z) (the paper's equation 3)."""
        reals = 2 * images - 1
        with torch.no_grad():
            fakes = self.generator(draws["latents"])
        real, fake = self.critic(torch.cat([reals, fakes])).chunk(2)
        slopes = self.slopes(torch.lerp(reals, fakes, draws["mixture"]))
        penalty = self.config.penalty * (slopes - 1).square().mean()
        return {"real": -real.mean(), "fake": fake.mean(), "penalty": penalty}

    def slopes(self, images: Tensor) -> Tensor:
        """|∇f| at each of (N, C, H, W) images, (N,): the Euclidean norm over all pixels; differentiable."""

        def total(images: Tensor) -> Tensor:
            scores: Tensor = self.critic(images).sum()
            return scores

        # No layer of the critic mixes images, so the gradient of the sum holds each image's own.
        gradients: Tensor = grad(total)(images)
        norms: Tensor = torch.linalg.vector_norm(gradients, dim=(1, 2, 3))
        return norms

    def generate(self, latents: Tensor) -> Tensor:
        """(N, noise) latent vectors to images."""
        images: Tensor = self.generator(latents)
        return (images + 1) / 2
