"""Optimizer declarations become torch optimizers, and their state becomes named tensors."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from harness.objective import Adam


def make_optimizer(spec: Adam, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """The torch optimizer of a declaration; the learning rate is that of step 0."""
    return torch.optim.Adam(
        parameters,
        lr=spec.lr_at(0),
        betas=spec.betas,
        eps=spec.eps,
        weight_decay=spec.weight_decay,
        fused=True,
    )


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as "parameter number/name" -> tensor; empty before its first update."""
    return {
        f"{number}/{name}": value
        for number, parameter in enumerate(_parameters(optimizer))
        for name, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> None:
    """The opposite of `optimizer_state`."""
    parameters = _parameters(optimizer)
    optimizer.state.clear()
    for key, value in state.items():
        number, name = key.split("/")
        parameter = parameters[int(number)]
        copy = torch.empty_like(parameter) if value.shape == parameter.shape else torch.empty_like(value)
        optimizer.state[parameter][name] = copy.to(parameter.device).copy_(value)


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
