"""DIP-VAE I and II (Kumar et al., 2018): VAEs that penalise the covariance of their latents."""

import torch
from torch import Tensor

from harness import Draws, Field
from harness_vaes.vae import VAE, Posterior


class DIPVAE1(VAE):
    """DIP-VAE-I (Kumar et al., 2018): reconstruction + KL + a pull of Cov[E(z|x)] towards the identity matrix."""

    source = "Kumar et al., Variational Inference of Disentangled Latent Concepts, ICLR 2018 (arXiv:1711.00848)"

    class Config(VAE.Config):
        """The weights of the covariance's entries beside the settings of every VAE."""

        off_diagonal_weight: float = Field(
            10.0, ge=0, description="weight of squared off-diagonal entries (swept over 1, 2, 5, 10, 20, 50)"
        )
        diagonal_factor: float = Field(
            10.0, ge=0, description="weight of the diagonal entries' squared distance from 1, as a multiple of that"
        )

    config: Config

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """KL, λ_od Σ_{i≠j} Cov_ij² and λ_d Σ_i (Cov_ii - 1)² (the paper's equations 6 and 7)."""
        covariance = self.covariance(q)
        diagonal = covariance.diagonal()
        weight = self.config.off_diagonal_weight
        return {
            "kl": q.kl(),
            "off_diagonal": weight * (covariance - torch.diag(diagonal)).square().sum(),
            "diagonal": weight * self.config.diagonal_factor * (diagonal - 1).square().sum(),
        }

    def covariance(self, q: Posterior) -> Tensor:
        """(D, D) covariance of the posterior means over the batch, divided by N."""
        centred = q.mean - q.mean.mean(dim=0)
        return centred.T @ centred / len(centred)


class DIPVAE2(DIPVAE1):
    """DIP-VAE-II (Kumar et al., 2018): DIP-VAE-I with the covariance of the sampled latents, not of the means."""

    class Config(DIPVAE1.Config):
        """Like DIP-VAE-I's, with equal weights of all entries."""

        diagonal_factor: float = Field(
            1.0, ge=0, description="weight of the diagonal entries' squared distance from 1, as a multiple of that"
        )

    config: Config

    def covariance(self, q: Posterior) -> Tensor:
        """(D, D) covariance of z: Cov[E(z|x)] + E[Cov(z|x)]."""
        return super().covariance(q) + torch.diag(q.log_variance.exp().mean(dim=0))
