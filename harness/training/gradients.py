"""Gradients of an objective, of its own parameters and of nothing else."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from harness.errors import ContractError


def require_terms(terms: object, loss: str) -> None:
    """Make sure that what a loss has returned is named numbers.

    Raises:
        ContractError: it is something else.
    """
    if not isinstance(terms, Mapping) or not terms:
        found = "an empty dict" if isinstance(terms, Mapping) else type(terms).__name__
        raise ContractError(f"{loss} returns {found}, not a dict of named terms: {{'error': error}}")
    for name, value in terms.items():
        if not isinstance(value, Tensor) or value.dim():
            found = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise ContractError(f"{loss}: the term '{name}' is {found}, not a tensor without dimensions")


def gradients_of(terms: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """Gradients of the sum of all terms by the given parameters only; None for one that the terms do not depend on."""
    total = torch.stack(list(terms.values())).sum()
    # Nothing is accumulated, so there is nothing to clear and no parameter that another loss trains is touched.
    return torch.autograd.grad(total, parameters, allow_unused=True)
