"""Gradients of an objective, of its own parameters and of nothing else."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def gradients_of(terms: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """Gradients of the sum of all terms, of the given parameters and of nothing else; None where there is none."""
    total = torch.stack(list(terms.values())).sum()
    # Nothing is accumulated, so there is nothing to clear and no parameter that another loss trains is touched.
    return torch.autograd.grad(total, parameters, allow_unused=True)
