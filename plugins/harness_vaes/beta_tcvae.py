"""beta-TCVAE (Chen et al., 2018): a VAE that weighs the total correlation of its latents."""

import math

from torch import Tensor

from harness import Draws, Field
from harness_vaes.vae import VAE, Posterior


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
        """The KL divergence to the prior, and (β - 1) times the total correlation; scalars, in nats."""
        return {"kl": q.kl(), "total_correlation": (self.config.beta - 1) * total_correlation(q)}


def total_correlation(q: Posterior) -> Tensor:
    """KL(q(z) || Πₗ q(zₗ)) in nats, estimated within the minibatch (Chen et al., 2018, section 4.1).

    q(z_j) and every q(z_jl) of a sample z_j are taken as mixtures, equally weighted, over the posteriors of the
    N images of the batch. The weights make a constant: the paper's also divides by the size of the dataset, and
    disentanglement_lib leaves them out.
    """
    n, latents = q.sample.shape
    distance = q.sample.unsqueeze(1) - q.mean
    # (N samples, N posteriors, D), but for the -0.5 log 2π that cancels.
    log_density = -0.5 * (distance.square() * (-q.log_variance).exp() + q.log_variance)
    joint = log_density.sum(dim=2).logsumexp(dim=1)
    marginals = log_density.logsumexp(dim=1).sum(dim=1)
    return (joint - marginals).mean() + (latents - 1) * math.log(n)
