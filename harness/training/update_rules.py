"""The arithmetic of each optimizer's update, through torch's kernels, on many parameters at once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from harness.errors import ContractError
from harness.optimizer import SGD, Adam, AdamW, Optimizer, RMSprop


class Update(NamedTuple):
    """What the update of one parameter takes; all tensors but `steps` have the parameter's shape and strides."""

    parameter: Tensor
    gradient: Tensor
    averages: tuple[Tensor, ...]
    """What the rule keeps of earlier gradients, one for each of its `averages`."""
    steps: Tensor
    """How many updates there were, 0-dimensional."""


class Rule:
    """Base class of the update rules.

    Attributes:
        averages: names of what is kept of earlier gradients for each parameter, all zero at the beginning.
    """

    averages: ClassVar[tuple[str, ...]] = ()

    def __call__(self, updates: Sequence[Update], spec: Any, rate: float | Tensor) -> None:
        """Carry out updates, in place, by a specification of the rule's own kind, at one learning rate."""
        raise NotImplementedError(f"{type(self).__name__} must update parameters")


class AdamRule(Rule):
    """Adam and AdamW, through torch's fused kernel."""

    averages = ("means", "squares")

    def __call__(self, updates: Sequence[Update], spec: Adam | AdamW, rate: float | Tensor) -> None:
        """Carry out updates."""
        if isinstance(spec, AdamW) and not spec.decay_vectors:
            vectors = [update for update in updates if update.parameter.dim() < 2]
            self._carry_out(vectors, replace(spec, weight_decay=0.0), rate)
            updates = [update for update in updates if update.parameter.dim() >= 2]
        self._carry_out(updates, spec, rate)

    def _carry_out(self, updates: Sequence[Update], spec: Adam | AdamW, rate: float | Tensor) -> None:
        if not updates:
            return
        parameters, gradients, (means, squares), counts = _columns(updates)
        adam(
            parameters,
            gradients,
            means,
            squares,
            [],
            counts,
            fused=True,
            decoupled_weight_decay=isinstance(spec, AdamW),
            amsgrad=False,
            beta1=spec.betas[0],
            beta2=spec.betas[1],
            lr=rate,
            weight_decay=spec.weight_decay,
            eps=spec.eps,
            maximize=False,
        )


class SGDRule(Rule):
    """SGD, through torch's fused kernel; a velocity that begins at zero is torch's, which begins as the gradient."""

    averages = ("velocities",)

    def __call__(self, updates: Sequence[Update], spec: SGD, rate: float | Tensor) -> None:
        """Carry out updates."""
        parameters, gradients, (velocities,), counts = _columns(updates)
        torch._foreach_add_(counts, 1)
        sgd(
            parameters,
            gradients,
            list[Tensor | None](velocities),
            fused=True,
            weight_decay=spec.weight_decay,
            momentum=spec.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=spec.nesterov,
            maximize=False,
        )


class RMSpropRule(Rule):
    """RMSprop; written out, because torch's own reads a learning rate in a tensor on GPUs only."""

    averages = ("squares", "velocities")

    def __call__(self, updates: Sequence[Update], spec: RMSprop, rate: float | Tensor) -> None:
        """Carry out updates."""
        parameters, gradients, (squares, velocities), counts = _columns(updates)
        torch._foreach_add_(counts, 1)
        if spec.weight_decay:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=spec.weight_decay))
        torch._foreach_mul_(squares, spec.alpha)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - spec.alpha)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, spec.eps)
        torch._foreach_mul_(velocities, spec.momentum)
        torch._foreach_addcdiv_(velocities, gradients, roots)
        torch._foreach_sub_(parameters, torch._foreach_mul(velocities, rate))


RULES = {Adam: AdamRule(), AdamW: AdamRule(), SGD: SGDRule(), RMSprop: RMSpropRule()}


def rule_of(spec: Optimizer) -> Rule:
    """The update rule of an optimizer specification.

    Raises:
        ContractError: there is none.
    """
    for kind in type(spec).__mro__:
        if kind in RULES:
            return RULES[kind]
    raise ContractError(f"{type(spec).__name__} is none of the optimizers {', '.join(kind.__name__ for kind in RULES)}")


def _columns(
    updates: Sequence[Update],
) -> tuple[list[Tensor], list[Tensor], list[list[Tensor]], list[Tensor]]:
    """Parameters, gradients, the averages by their kind, and counts."""
    parameters, gradients, averages, counts = zip(*updates, strict=True)
    return list(parameters), list(gradients), [list(kind) for kind in zip(*averages, strict=True)], list(counts)
