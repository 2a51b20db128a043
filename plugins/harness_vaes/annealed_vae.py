"""AnnealedVAE (Burgess et al., 2018): a VAE whose latent capacity grows during training."""

from collections.abc import Mapping

from torch import Tensor

from harness import Draws, Field
from harness_vaes.vae import VAE, Posterior


class AnnealedVAE(VAE):
    """AnnealedVAE (Burgess et al., 2018): reconstruction + γ |KL(q(z|x) || p(z)) - C|, C rising linearly."""

    source = "Burgess et al., Understanding disentangling in beta-VAE, 2018 (arXiv:1804.03599), equation 8"

    class Config(VAE.Config):
        """γ and the capacity's course beside the settings of every VAE."""

        gamma: float = Field(1000.0, ge=0, description="weight of the distance of the KL from the capacity")
        capacity: float = Field(25.0, ge=0, description="final capacity C in nats (swept over 5, 10, 25, 50, 75, 100)")
        annealing_steps: int = Field(100_000, gt=0, description="steps over which C rises from 0 to its final value")

    config: Config

    def schedule(self, step: int) -> Mapping[str, float]:
        """The capacity C of a step, in nats."""
        return {"capacity": self.config.capacity * min(1.0, step / self.config.annealing_steps)}

    def milestones(self) -> Mapping[str, int]:
        """The last step at which the capacity rises."""
        return {"annealing_steps": self.config.annealing_steps - 1}

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """γ |KL - C|, the deviation of the KL divergence from the capacity; scalar, in nats."""
        return {"kl": self.config.gamma * (q.kl() - draws["capacity"]).abs()}
