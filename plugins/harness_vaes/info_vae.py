"""InfoVAE (Zhao et al., 2019): a VAE whose codes keep information and match the prior as a whole."""

from torch import Tensor

from harness import Draws, Field, Rng
from harness_vaes.vae import VAE, Posterior


class InfoVAE(VAE):
    """InfoVAE with the maximum mean discrepancy: reconstruction + (1 - α) KL + (α + λ - 1) MMD(q(z), p(z)).

    α weighs the information between images and codes, λ how closely all codes together follow the prior. α 0 and λ 1
    are the plain VAE; α 1 is the MMD-VAE, whose single posteriors are free.
    """

    source = (
        "Zhao et al., InfoVAE: Balancing Learning and Inference in Variational Autoencoders, AAAI 2019 "
        "(arXiv:1706.02262), equation 6"
    )

    class Config(VAE.Config):
        """The two weights; the defaults are an MMD-VAE whose λ makes both terms matter on images."""

        alpha: float = Field(1.0, le=1, description="weight of the information between images and codes; 1: MMD-VAE")
        scale: float = Field(1000.0, gt=0, description="λ, the weight of the discrepancy; the paper's for images")

    config: Config

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """The noise of the posterior samples, and samples of the prior, standard normal (n, D) each."""
        return {**super().draw(n, rng), "prior": rng.normal(n, self.config.latents)}

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """The weighted KL divergence, and the weighted discrepancy of the batch's samples from the prior's."""
        weight = self.config.alpha + self.config.scale - 1
        return {"kl": (1 - self.config.alpha) * q.kl(), "mmd": weight * discrepancy(q.sample, draws["prior"])}


def discrepancy(first: Tensor, second: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of samples (N, D) and (M, D), with the kernel exp(-|x - y|² / D²).

    The width is that of the authors' code; a sample's distance from itself counts, as there.
    """

    def mean(x: Tensor, y: Tensor) -> Tensor:
        squares = (x[:, None] - y).square().sum(dim=2)
        return (-squares / x.shape[1] ** 2).exp().mean()

    return mean(first, first) + mean(second, second) - 2 * mean(first, second)
