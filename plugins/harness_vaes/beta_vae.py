"""beta-VAE (Higgins et al., 2017): a VAE that weighs the KL divergence to the prior."""

from torch import Tensor

from harness import Draws, Field
from harness_vaes.vae import VAE, Posterior


class BetaVAE(VAE):
    """beta-VAE (Higgins et al., 2017): reconstruction + β KL(q(z|x) || p(z)); β 1 is the plain VAE."""

    source = "Higgins et al., beta-VAE, ICLR 2017"

    class Config(VAE.Config):
        """β beside the settings of every VAE."""

        beta: float = Field(4.0, ge=0, description="weight of the KL term (swept over 1, 2, 4, 6, 8, 16)")

    config: Config

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """β times the KL divergence to the prior; scalar, in nats."""
        return {"kl": self.config.beta * q.kl()}
