"""beta-TCVAE."""

from torch import Tensor

from harness import Field
from harness.objective import Draws

from .vae import VAE, Posterior


class BetaTCVAE(VAE):
    """beta-TCVAE (Chen et al., 2018): reconstruction + KL + (β - 1) TC(z), TC estimated within the minibatch.

    β 1 is the plain VAE.
    """

    source = "Chen et al., Isolating Sources of Disentanglement in VAEs, NeurIPS 2018 (arXiv:1802.04942), equation 5"

    class Config(VAE.Config):
        """β beside the settings of every VAE."""

        beta: float = Field(6.0, ge=0, description="weight of the total correlation (swept over 1, 2, 4, 6, 8, 10)")

    config: Config

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """KL, and (β - 1) TC."""
        return {"kl": q.kl(), "total_correlation": (self.config.beta - 1) * total_correlation(q)}


def total_correlation(q: Posterior) -> Tensor:
    """KL(q(z) || Πₗ q(zₗ)) up to a constant, by minibatch weighting (Chen et al., 2018, section 4.1); in nats.

    For each sample z_j, q(z_j) and every q(z_jl) are mixtures over the posteriors of the N images of the batch.
    Their weights are left out: they add the constant (D - 1) log(N · size of the dataset).
    """
    distance = q.sample.unsqueeze(1) - q.mean
    # (N samples, N posteriors, D), but for the -0.5 log 2π that cancels.
    log_density = -0.5 * (distance.square() * (-q.log_variance).exp() + q.log_variance)
    joint = log_density.sum(dim=2).logsumexp(dim=1)
    marginals = log_density.logsumexp(dim=1).sum(dim=1)
    return (joint - marginals).mean()
