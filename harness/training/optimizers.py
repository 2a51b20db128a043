"""Optimizers at work: a declaration, parameters, and state that is nothing but named tensors."""

from collections.abc import Hashable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from harness.optimizer import Optimizer
from harness.training.stacking import Slices, share
from harness.training.update_rules import Update, rule_of


class OptimizerState:
    """An optimizer on a list of parameters.

    torch's functional forms are used because its optimizer objects take over a second to make the first one of a
    process, and because plain tensors are what checkpoints need.

    Args:
        spec: which optimizer, and its numbers.
        parameters: what it updates, in place.

    Raises:
        ContractError: the optimizer is none of `harness.optimizer`.
    """

    def __init__(self, spec: Optimizer, parameters: Sequence[Tensor]) -> None:
        self.spec = spec
        self.rule = rule_of(spec)
        self.parameters = list(parameters)
        self.averages = {
            name: [torch.zeros_like(parameter) for parameter in self.parameters] for name in self.rule.averages
        }
        self.counts = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        self.rate: Tensor | None = None
        """Where an update reads the learning rate, if it is captured and replayed at other steps; 0-dimensional."""

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor | None], step: int) -> None:
        """Update the parameters with their gradients at a training step; None leaves one alone."""
        present = {number: gradient for number, gradient in enumerate(gradients) if gradient is not None}
        if self.spec.clip is not None and present:
            shorter = _shortening(get_total_norm(list(present.values())), self.spec.clip)
            clipped = torch._foreach_mul(list(present.values()), shorter)
            present = dict(zip(present, clipped, strict=True))
        if (most := self.spec.clip_value) is not None:
            present = {number: gradient.clamp(-most, most) for number, gradient in present.items()}
        updates = [self.one(number, self.parameters[number], gradient) for number, gradient in present.items()]
        if updates:
            self.rule(updates, self.spec, self.spec.lr_at(step) if self.rate is None else self.rate)

    def one(self, number: int, parameter: Tensor, gradient: Tensor) -> Update:
        """What the update of one parameter takes: a gradient for the parameter of some number, wherever it lies."""
        averages = tuple(tensors[number] for tensors in self.averages.values())
        return Update(parameter, _laid_out_as(parameter, gradient), averages, self.counts[number])

    def clear(self) -> None:
        """Reset the state to that before the first update."""
        for tensor in self.state().values():
            tensor.zero_()

    def state(self) -> dict[str, Tensor]:
        """The state as "part/number" -> tensor."""
        parts = {**self.averages, "counts": self.counts}
        return {f"{part}/{n}": tensor for part, tensors in parts.items() for n, tensor in enumerate(tensors)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


def _shortening(norms: Tensor, longest: float | Tensor) -> Tensor:
    """By what gradients of these norms are multiplied so that none is longer; `clip_grad_norm_` has the 1e-6 too."""
    return (longest / (norms + 1e-6)).clamp(max=1.0)


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the parameter's strides, which the fused kernels take for granted.

    Gradients usually have them; those of a gradient's gradient may not.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def rate_like(parameter: Tensor, *shape: int) -> Tensor:
    """Zeros to hold learning rates for the fused kernels, which on GPUs read float32 whatever the parameters are."""
    return parameter.new_zeros(shape, dtype=parameter.dtype if parameter.device.type == "cpu" else torch.float32)


class StackedOptimizer:
    """An optimizer on stacked parameters, each member with its own learning rate, other numbers, clipping and count.

    The slices of the stacks are parameters like any others to torch's kernels, which update many at once: those of all
    members that share their numbers.

    Args:
        states: the members' optimizers of the same objective, of one kind; their tensors become slices of stacks.
        captured: whether updates are captured in CUDA graphs, those too that members do by themselves.
    """

    def __init__(self, states: Sequence[OptimizerState], *, captured: bool = False) -> None:
        self._states = list(states)
        for part in states[0].averages:
            for tensors in zip(*(state.averages[part] for state in states), strict=True):
                share(tensors)
        self._rates: list[float] = []
        first = states[0].parameters[0]
        self._captured_rates = rate_like(first, len(states)) if captured else None
        for position, state in enumerate(states):
            state.rate = None if self._captured_rates is None else self._captured_rates[position]
        self._clips = _limits([state.spec.clip for state in states], first)
        self._most = _limits([state.spec.clip_value for state in states], first)

    def prepare(self, steps: Sequence[int]) -> None:
        """Settle the learning rate of every member; once per training step."""
        rates = [state.spec.lr_at(step) for state, step in zip(self._states, steps, strict=True)]
        # Copying numbers to a device waits for it: only when they change.
        if self._captured_rates is not None and rates != self._rates:
            self._captured_rates.copy_(torch.tensor(rates, dtype=self._captured_rates.dtype))
        self._rates = rates

    @torch.no_grad()
    def update(self, members: Slices, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        """Update stacked parameters (G, ...) of some of the members, at the steps last prepared."""
        alike: dict[Hashable, list[int]] = {}
        for index, position in enumerate(members.positions):
            spec = self._states[position].spec
            # Where a rate depends on the step, members that agree now may not when a graph is replayed.
            alike.setdefault((spec, position if callable(spec.lr) else None), []).append(index)
        laid_out = [
            (number, parameters[number], _laid_out_as(parameters[number], gradient))
            for number, gradient in self._clipped(members, gradients).items()
        ]
        if not laid_out:
            return
        for indices in alike.values():
            states = [self._states[members.positions[index]] for index in indices]
            updates = [
                state.one(number, parameter[index], gradient[index])
                for index, state in zip(indices, states, strict=True)
                for number, parameter, gradient in laid_out
            ]
            rate = self._rates[members.positions[indices[0]]] if states[0].rate is None else states[0].rate
            states[0].rule(updates, states[0].spec, rate)

    def _clipped(self, members: Slices, gradients: Sequence[Tensor | None]) -> dict[int, Tensor]:
        """Collect the gradients (G, ...) that are not None, by their parameters' numbers; each member's is clipped."""
        present = {number: gradient for number, gradient in enumerate(gradients) if gradient is not None}
        if self._clips is not None and present:
            norms = [torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in present.values()]
            shorter = _shortening(torch.linalg.vector_norm(torch.stack(norms), dim=0), members.take(self._clips))
            present = {number: gradient * _spread(shorter, gradient) for number, gradient in present.items()}
        if self._most is not None:
            most = members.take(self._most)
            present = {
                number: gradient.clamp(-_spread(most, gradient), _spread(most, gradient))
                for number, gradient in present.items()
            }
        return present


def _limits(limits: Sequence[float | None], like: Tensor) -> Tensor | None:
    """Each member's limit, (G,), infinite where it has none; None if nobody has one."""
    if all(limit is None for limit in limits):
        return None
    known = [float("inf") if limit is None else limit for limit in limits]
    return torch.tensor(known, dtype=like.dtype, device=like.device)


def _spread(numbers: Tensor, stack: Tensor) -> Tensor:
    """One number for each member, (G,), shaped to be multiplied with a stack (G, ...)."""
    return numbers.view(-1, *[1] * (stack.dim() - 1))
