"""The variational autoencoder, and the frame that its descendants fill in."""

from typing import Literal, NamedTuple

from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.distributions import Normal as NormalDistribution
from torch.nn import functional

from harness import Adam, Draws, Field, ImageSpec, LatentSpace, Model, Normal, Objective, Rng, Settings
from harness.nn import glorot_uniform_, halvings, normal_, normal_kl, zero_bias_
from harness_vaes.networks import LAYERS, Decoder, Encoder


class Posterior(NamedTuple):
    """The encoder's q(z|x) for N images, a diagonal Gaussian over D latents, with one sample of it; (N, D) each."""

    mean: Tensor
    log_variance: Tensor
    sample: Tensor

    def kl(self) -> Tensor:
        """KL(q(z|x) || N(0, I)) in nats, summed over latents and averaged over images."""
        return normal_kl(self.mean, self.log_variance).sum(dim=1).mean()


class VAE(Model):
    """VAE (Kingma & Welling, 2014) with a Bernoulli decoder, in the setting of Locatello et al. (2019).

    Reconstruction is the sigmoid cross entropy summed over pixels, averaged over the batch. Descendants
    override `regulariser`, the terms that join it.

    An image is represented by its posterior mean, or by a sample of its posterior, as in InfoGAN-CR's code. That
    draws anew at every pass; here each image has noise of its own, so an image that a metric's sample holds
    twice has one code and not two.
    """

    source = "Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014 (arXiv:1312.6114)"

    class Config(Settings):
        """What every VAE can be told; the defaults are disentanglement_lib's."""

        networks: Literal["disentanglement_lib", "infogan-cr"] = Field(
            "disentanglement_lib",
            description="whose networks and initial parameters: disentanglement_lib's, or those of the FactorVAE in "
            "InfoGAN-CR's code",
        )
        representation: Literal["mean", "sample"] = Field(
            "mean",
            description="the codes that metrics see: means of the posterior (disentanglement_lib) or samples of it "
            "(InfoGAN-CR's code)",
        )
        latents: int = Field(10, gt=0, description="latent dimensions")
        learning_rate: float = Field(1e-4, gt=0, description="Adam's learning rate")
        width: float = Field(1.0, gt=0, description="multiplier of the hidden channels and units; 1 is the paper's")

    config: Config
    latents: LatentSpace

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        image.require(halvings(image) >= 2, type(self).__name__, "square ones of side 16, 32, 64, 128, ...")
        self.latents = LatentSpace({"latents": Normal(config.latents)})
        self.code_noise = config.latents if config.representation == "sample" else 0
        self.encoder = Encoder(image, config.latents, config.width, LAYERS[config.networks])
        self.decoder = Decoder(image, config.latents, config.width, LAYERS[config.networks])

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Weights Glorot uniform (TensorFlow's default), or N(0, 0.02²) in InfoGAN-CR's code; biases 0."""
        weight = layer.weight
        assert isinstance(weight, Tensor)
        if self.config.networks == "infogan-cr":
            normal_(weight, rng, std=0.02)
        else:
            glorot_uniform_(weight, rng)
        zero_bias_(layer)

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """The noise of the posterior samples, standard normal (n, D)."""
        return {"noise": rng.normal(n, self.config.latents)}

    def objectives(self) -> list[Objective]:
        """A single objective: the negative evidence lower bound."""
        return [
            Objective(
                "elbo", trains=(self.encoder, self.decoder), loss=self.elbo, optimizer=Adam(self.config.learning_rate)
            )
        ]

    def elbo(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Reconstruction error and regulariser, in nats per image."""
        q = self.trained_posterior(images, draws)
        logits = self.decoder(q.sample)
        error = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum") / images.shape[0]
        return {"reconstruction": error, **self.regulariser(q, draws)}

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """The terms beside the reconstruction error: here the KL divergence to the prior."""
        return {"kl": q.kl()}

    def trained_posterior(self, images: Tensor, draws: Draws) -> Posterior:
        """The posterior that the loss is about: here that of each image by itself."""
        return self.infer(images, draws["noise"])

    def infer(self, images: Tensor, noise: Tensor) -> Posterior:
        """The posterior of (N, C, H, W) images, with the sample that standard normal noise (N, D) leads to."""
        mean, log_variance = self.encoder(images)
        return Posterior(mean, log_variance, mean + (0.5 * log_variance).exp() * noise)

    def encode(self, images: Tensor) -> Tensor:
        """The means of the posterior of each image, (N, D)."""
        mean: Tensor = self.encoder(images)[0]
        return mean

    def represent(self, images: Tensor, noise: Tensor) -> Tensor:
        """Posterior means, or the samples that standard normal noise (N, D) leads to."""
        return self.infer(images, noise).sample if self.code_noise else self.encode(images)

    def generate(self, latents: Tensor) -> Tensor:
        """Means of the Bernoulli pixels, (N, C, H, W)."""
        logits: Tensor = self.decoder(latents)
        return logits.sigmoid()

    def reconstruct(self, images: Tensor) -> Tensor:
        """The images that the posterior means decode to, (N, C, H, W)."""
        return self.generate(self.encode(images))

    def posterior(self, images: Tensor) -> dict[str, Distribution]:
        """The posterior q(z|x), a diagonal Gaussian under the name "latents"."""
        mean, log_variance = self.encoder(images)
        return {"latents": Independent(NormalDistribution(mean, (0.5 * log_variance).exp()), 1)}

    def kl(self, images: Tensor) -> Tensor:
        """KL divergence of the posterior to the prior for each image and latent, in nats, (N, D)."""
        return normal_kl(*self.encoder(images))
