"""SlowVAE (Klindt et al., 2021): pairs of images between which factors change a little, as in natural videos."""

import math

import torch
from torch import Tensor

from harness import Draws, Field, LaplaceSteps, Pairs
from harness_vaes.beta_vae import BetaVAE
from harness_vaes.vae import Posterior


class SlowVAE(BetaVAE):
    """SlowVAE (Klindt et al., 2021): a beta-VAE of pairs whose latents change sparsely, by a Laplace distribution.

    The loss is that of the released code: twice the reconstruction error, β times the KL divergence to the prior, and
    γ times the cross entropy of each posterior with a Laplace distribution around the other's mean, both ways, less
    the entropy of one. γ 0 is twice a beta-VAE of β / 2. The networks are those of all VAEs here; the authors' have
    kernel 4 throughout and start Kaiming normal. A batch of N is N pairs; their batch size counts images.
    """

    source = (
        "Klindt et al., Towards Nonlinear Disentanglement in Natural Data with Temporal Sparse Coding, "
        "ICLR 2021 (arXiv:2007.10930)"
    )

    class Config(BetaVAE.Config):
        """The prior of changes, and how pairs are made, beside the settings of every beta-VAE."""

        beta: float = Field(1.0, ge=0, description="weight of the KL term")
        gamma: float = Field(10.0, ge=0, description="weight of the prior of changes")
        prior_rate: float = Field(6.0, gt=0, description="rate of the Laplace prior: the larger, the sparser changes")
        data_rate: float = Field(
            1.0, gt=0, description="rate by which the levels of pairs differ: the larger, the smaller the changes"
        )

    config: Config

    def pairs(self) -> Pairs:
        """Partners are a few levels away."""
        return LaplaceSteps(self.config.data_rate)

    def elbo(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Reconstruction error of both images, KL divergence and prior of changes, in nats."""
        terms = super().elbo(images, draws)
        return {**terms, "reconstruction": 2 * terms["reconstruction"]}

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """β times the KL divergence to the prior, and γ times how unlikely the change between both images is."""
        entropy = 0.5 * (q.log_variance + math.log(2 * math.pi * math.e)).sum(dim=1).mean()
        first, second = q.mean.chunk(2)
        change = torch.cat([first - second, second - first])
        # A mean over 2N images of one way each; a pair has both ways.
        surprise = 2 * laplace_cross_entropy(change, q.log_variance, self.config.prior_rate).sum(dim=1).mean()
        return {**super().regulariser(q, draws), "change": self.config.gamma * (surprise - entropy)}


def laplace_cross_entropy(mean: Tensor, log_variance: Tensor, rate: float) -> Tensor:
    """-E log p(z) in nats of z ~ N(mean, variance) under the Laplace distribution rate / 2 exp(-rate |z|)."""
    deviation = (0.5 * log_variance).exp()
    scaled = mean / deviation
    # E|z| of a Gaussian.
    size = deviation * math.sqrt(2 / math.pi) * (-0.5 * scaled.square()).exp() + mean * torch.erf(scaled / math.sqrt(2))
    return rate * size - (rate / 2 * torch.ones_like(mean)).log()
