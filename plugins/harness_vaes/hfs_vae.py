"""HFS (Roth et al., 2023): a beta-VAE whose codes may depend on each other, as long as all combinations occur."""

import torch
from torch import Tensor

from harness import Draws, Field, Rng
from harness_vaes.vae import VAE, Posterior


class HFSVAE(VAE):
    """HFS (Roth et al., 2023): reconstruction + β KL + γ times how far codes are from a factorised support.

    Codes of correlated factors cannot be independent, but every combination of their values can still occur. For a
    pair of latents, the distance from each combination of two values in the batch to the nearest pair that an image
    has; the largest of them counts. γ 0 is beta-VAE.
    """

    source = (
        "Roth et al., Disentanglement of Correlated Factors via Hausdorff Factorized Support, ICLR 2023 "
        "(arXiv:2210.07347), section 3"
    )

    class Config(VAE.Config):
        """The two weights, and how many pairs of latents a step looks at; defaults are those of the authors' code."""

        beta: float = Field(1.0, ge=0, description="weight of the KL term")
        gamma: float = Field(1.0, ge=0, description="weight of the distance to the factorised support")
        pairs: int = Field(
            25, gt=0, description="pairs of latents in a step, drawn anew; all of them if there are fewer"
        )

    config: Config

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """The noise of the posterior samples, and the pairs of latents (P, 2) that this step looks at."""
        every = torch.triu_indices(self.config.latents, self.config.latents, offset=1, device=rng.device).T
        return {**super().draw(n, rng), "pairs": every[rng.uniform(len(every)).argsort()[: self.config.pairs]]}

    def regulariser(self, q: Posterior, draws: Draws) -> dict[str, Tensor]:
        """β times the KL divergence to the prior, and γ times the distance of the posterior means' support."""
        distance = distance_to_factorised_support(q.mean, draws["pairs"])
        return {"kl": self.config.beta * q.kl(), "support": self.config.gamma * distance}


def distance_to_factorised_support(codes: Tensor, pairs: Tensor) -> Tensor:
    """Sum over pairs of latents (P, 2) of the squared Hausdorff distance of codes (N, D) to their factorised support.

    The factorised support of latents k and l are all N² points (z_ik, z_jl); how far each is from the nearest
    (z_nk, z_nl) is a minimum over n, and the distance is the largest of these minima (equation 5).
    """
    distances = []
    for pair in pairs.unbind():
        both = codes.gather(1, pair.expand(len(codes), 2))
        # A minimum and a maximum pass their gradient to one triple (i, j, n), so it is sought without any: the N³
        # distances need not be kept.
        i, j, n = _farthest(both.detach())
        target = torch.cat([both[:, :1].gather(0, i), both[:, 1:].gather(0, j)], dim=1)
        distances.append((target - both.gather(0, n.expand(1, 2))).square().sum())
    return torch.stack(distances).sum() if distances else codes.new_zeros(())


def _farthest(both: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The i, j and n, each (1, 1), of the distance that counts among points (N, 2)."""
    size = len(both)
    first, second = ((column[:, None] - column).square() for column in both.unbind(dim=1))
    # (N of i, N of j, N of n)
    nearest, n = (first[:, None] + second).min(dim=2)
    largest = nearest.flatten().argmax(dim=0, keepdim=True)
    i, j = largest.div(size, rounding_mode="floor"), largest % size
    return i[:, None], j[:, None], n.flatten().gather(0, largest)[:, None]
