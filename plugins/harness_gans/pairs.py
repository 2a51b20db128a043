"""Pairs of latent vectors that share exactly one code (Lin et al., 2020)."""

import torch
from torch import Tensor

from harness import Draws, Rng


def draw_pairs(n: int, codes: int, noise: int, rng: Rng) -> dict[str, Tensor]:
    """The random numbers of n pairs, all uniform.

    "pair_codes" (n, 2, codes) and "pair_noise" (n, noise) in [-1, 1); "shared" int64 (n,), which code is shared.
    """
    return {
        "pair_codes": rng.uniform(n, 2, codes, low=-1.0, high=1.0),
        "pair_noise": rng.uniform(n, noise, low=-1.0, high=1.0),
        "shared": rng.integers(n, high=codes),
    }


def make_pairs(draws: Draws, gap: Tensor) -> tuple[Tensor, Tensor]:
    """The latent vectors of the two halves, (N, codes + noise) each, in [-1, 1].

    The shared code and all the noise are identical. The other codes come from [-1 + gap/2, 1 - gap/2]
    independently and are then moved apart by gap/2 each, so that they differ by at least the gap.

    Args:
        draws: what `draw_pairs` returns.
        gap: from 0 to 2, 0-dimensional.
    """
    first, second = draws["pair_codes"].unbind(dim=1)
    shared = draws["shared"].unsqueeze(1) == torch.arange(first.shape[1], device=first.device)
    apart = torch.where(first >= second, gap / 2, -gap / 2)
    inside = 1 - gap / 2
    first, second = (
        torch.where(shared, first, inside * first + apart),
        torch.where(shared, first, inside * second - apart),
    )
    noise = draws["pair_noise"]
    return torch.cat([first, noise], dim=1), torch.cat([second, noise], dim=1)
