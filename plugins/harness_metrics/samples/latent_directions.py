"""Directions in which latent vectors are moved: their codes, or what the generator's first layer amplifies (SeFa)."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from harness import ModelEvaluation, NotApplicableError

FARTHEST = 3.0
"""How far latent vectors are moved along a direction of SeFa, either way; the ends of its authors' pictures."""

Mover: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Move latent vectors (n, Z), each in the direction of its number in (n,)."""


def code_mover(evaluation: ModelEvaluation) -> tuple[int, Mover]:
    """The number of the model's codes, and what gives each latent vector another value of one of them.

    Raises:
        NotApplicableError: there are fewer than two codes that the generator is fed.
    """
    space = evaluation.model.latents
    columns = space.code_columns if space else []
    if len(columns) < 2:
        raise NotApplicableError(f"the generator is fed {len(columns)} codes, and 2 are needed to tell them apart")
    of = torch.full((space.width if space else 0,), -1)
    for number, own in enumerate(columns):
        of[list(own)] = number
    of = of.to(evaluation.dataset.device)

    def move(latents: Tensor, codes: Tensor) -> Tensor:
        other = evaluation.latents("variation", len(latents))
        return torch.where(of == codes[:, None], other, latents)

    return len(columns), move


def sefa_mover(evaluation: ModelEvaluation, count: int) -> tuple[int, Mover]:
    """At most `count` directions of SeFa, and what moves latent vectors along them, by up to 3 either way.

    Raises:
        NotApplicableError: the generator's first layer is none that SeFa can factorise, or it has a single input.
    """
    directions = sefa_directions(first_weight(evaluation), count)
    if len(directions) < 2:
        raise NotApplicableError("the generator is fed a single number, and 2 directions are needed to tell them apart")

    def move(latents: Tensor, numbers: Tensor) -> Tensor:
        distance = evaluation.torch_rng("variation").uniform(len(latents), 1, low=-FARTHEST, high=FARTHEST)
        return latents + distance * directions[numbers]

    return len(directions), move


def sefa_directions(weight: Tensor, count: int) -> Tensor:
    """The `count` directions (count, Z), of length 1, that a layer with weight (outputs, Z) amplifies most.

    The first eigenvectors of WᵀW (Shen & Zhou, 2021, arXiv:2007.06600, equation 6), where each output's weights have
    length 1, as in the authors' code.
    """
    rows = weight.double()
    rows = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    directions: Tensor = torch.linalg.svd(rows, full_matrices=False).Vh[:count].float()
    return directions


@torch.no_grad()
def first_weight(evaluation: ModelEvaluation) -> Tensor:
    """The weight (outputs, Z) of the layer of the generator that is fed the latent vectors.

    Raises:
        NotApplicableError: the first layer that is called is neither dense nor a (transposed) convolution of them.
    """
    found: list[tuple[nn.Module, Tensor]] = []
    layers = [layer for layer in evaluation.model.modules() if isinstance(layer, nn.Linear | nn.ConvTranspose2d)]
    hooks = [
        layer.register_forward_pre_hook(lambda module, given: found.append((module, given[0]))) for layer in layers
    ]
    try:
        latents = evaluation.latents("first layer", 1)
        evaluation.generate(latents)
    finally:
        for hook in hooks:
            hook.remove()
    if not found or found[0][1].numel() != latents.numel():
        raise NotApplicableError("SeFa needs a generator whose first layer is dense, or a transposed convolution")
    layer, _ = found[0]
    assert isinstance(layer.weight, Tensor)
    weight = layer.weight.detach()
    return weight if isinstance(layer, nn.Linear) else weight.flatten(1).T
