"""The frame of VAEs that learn from pairs of images: what two images share, their posteriors share."""

import torch
from torch import Tensor

from harness import Draws, Field, Pairs, ResampledFactors
from harness_vaes.beta_vae import BetaVAE
from harness_vaes.vae import Posterior


class PairedVAE(BetaVAE):
    """Base class: a beta-VAE of 2N images, whose posteriors are averaged over the latents that a pair shares.

    Descendants say in `keeps` which latents a pair keeps apart. Codes are the means of an image's own posterior.
    """

    class Config(BetaVAE.Config):
        """How pairs are made beside the settings of every beta-VAE."""

        changed_factors: int = Field(
            1,
            ge=0,
            description="factors that are drawn anew for the second image of a pair; 0 draws their number for each "
            "pair: one, or as often any number below that of all (the random k of Locatello et al., 2020)",
        )

    config: Config

    def pairs(self) -> Pairs:
        """Partners differ from their images in a few factors."""
        return ResampledFactors(self.config.changed_factors)

    def trained_posterior(self, images: Tensor, draws: Draws) -> Posterior:
        """Posteriors of both images of each pair, averaged where they are shared."""
        own = self.infer(images, draws["noise"])
        mean, variance = self.average(*own.mean.chunk(2), *own.log_variance.exp().chunk(2))
        kept = self.keeps(divergence(own), draws).repeat(2, 1)
        shared_mean, shared_log = torch.cat([mean, mean]), torch.cat([variance, variance]).log()
        mean = torch.where(kept, own.mean, shared_mean)
        log_variance = torch.where(kept, own.log_variance, shared_log)
        return Posterior(mean, log_variance, mean + (0.5 * log_variance).exp() * draws["noise"])

    def keeps(self, divergences: Tensor, draws: Draws) -> Tensor:
        """Which latents two images keep apart, bool (N, D), by the divergence of their posteriors (N, D), nats."""
        raise NotImplementedError(f"{type(self).__name__} must say what is shared")

    def average(self, mean: Tensor, other: Tensor, variance: Tensor, other_variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of what two Gaussians (N, D) become: the means of both (Hosoya, 2019)."""
        return (mean + other) / 2, (variance + other_variance) / 2


def divergence(q: Posterior) -> Tensor:
    """KL(q(z|x1) || q(z|x2)) of the N pairs in 2N posteriors, for each latent, in nats, (N, D)."""
    (first, second), (log, other) = q.mean.chunk(2), q.log_variance.chunk(2)
    return 0.5 * ((log - other).exp() + (first - second).square() * (-other).exp() - 1 + other - log)


def precision_weighted(mean: Tensor, other: Tensor, variance: Tensor, other_variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the product of two Gaussians (N, D), with the harmonic mean of their variances.

    The product has half that variance; twice is what the code of Locatello et al. (2020) has.
    """
    harmonic = 2 * variance * other_variance / (variance + other_variance)
    return (mean / variance + other / other_variance) * harmonic / 2, harmonic
