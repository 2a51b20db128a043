"""Gradients of an objective, of its own parameters and of nothing else."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def gradients_of(terms: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """Gradients of the sum of all terms by the given parameters only; None for one that the terms do not depend on."""
    total = torch.stack(list(terms.values())).sum()
    # Nothing is accumulated, so there is nothing to clear and no parameter that another loss trains is touched.
    return torch.autograd.grad(total, parameters, allow_unused=True)
