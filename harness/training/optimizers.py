"""Optimizers: a declaration, parameters, and state that is nothing but named tensors."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam

from harness.objective import Adam
from harness.training.stacking import Slices, share


class AdamState:
    """Adam (Kingma & Ba, 2015) on a list of parameters, through torch's fused kernel.

    torch's functional form is used because its optimizer objects take over a second to make the first
    one of a process, and because plain tensors are what checkpoints need.
    """

    def __init__(self, spec: Adam, parameters: Sequence[Tensor]) -> None:
        self.spec = spec
        self.parameters = list(parameters)
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.counts = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        self.rate: Tensor | None = None
        """Where an update reads the learning rate, if it is captured and replayed at other steps; 0-dimensional."""

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor | None], step: int) -> None:
        """Update the parameters with their gradients at a training step; None leaves one alone."""
        updates = [
            _Update(parameter, _laid_out_as(parameter, gradient), *state)
            for parameter, gradient, *state in zip(
                self.parameters, gradients, self.means, self.squares, self.counts, strict=True
            )
            if gradient is not None
        ]
        _carry_out(updates, self.spec, self.spec.lr_at(step) if self.rate is None else self.rate)

    def clear(self) -> None:
        """Forget every gradient seen."""
        for tensor in self.state().values():
            tensor.zero_()

    def state(self) -> dict[str, Tensor]:
        """The state as "part/number" -> tensor."""
        parts = {"means": self.means, "squares": self.squares, "counts": self.counts}
        return {f"{part}/{n}": tensor for part, tensors in parts.items() for n, tensor in enumerate(tensors)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the parameter's strides, which the fused kernel takes for granted.

    Gradients usually have them; those of a gradient's gradient may not.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


class _Update(NamedTuple):
    """What the update of one parameter takes."""

    parameter: Tensor
    gradient: Tensor
    mean: Tensor
    square: Tensor
    steps: Tensor


def _carry_out(updates: Sequence[_Update], spec: Adam, rate: float | Tensor) -> None:
    """Call torch's kernel for all of them."""
    parameters, gradients, means, squares, steps = (list(column) for column in zip(*updates, strict=True))
    adam(
        parameters,
        gradients,
        means,
        squares,
        [],
        steps,
        fused=True,
        amsgrad=False,
        beta1=spec.betas[0],
        beta2=spec.betas[1],
        lr=rate,
        weight_decay=spec.weight_decay,
        eps=spec.eps,
        maximize=False,
    )


def rate_like(parameter: Tensor, *shape: int) -> Tensor:
    """Zeros to hold learning rates for the fused kernel, which on GPUs reads float32 whatever the parameters are."""
    return parameter.new_zeros(shape, dtype=parameter.dtype if parameter.device.type == "cpu" else torch.float32)


class StackedAdam:
    """Adam on stacked parameters, each member with its own learning rate, betas, epsilon, decay and count.

    The slices of the stacks are parameters like any others to torch's fused kernel, which updates many at once: those
    of all members that share their numbers.

    Args:
        states: the members' optimizers of the same objective; their tensors become slices of stacks.
        captured: whether updates are captured in CUDA graphs, those too that members do by themselves.
    """

    def __init__(self, states: Sequence[AdamState], *, captured: bool = False) -> None:
        self._states = list(states)
        for lists in ([state.means for state in states], [state.squares for state in states]):
            for tensors in zip(*lists, strict=True):
                share(tensors)
        self._rates: list[float] = []
        self._captured_rates = rate_like(states[0].parameters[0], len(states)) if captured else None
        for position, state in enumerate(states):
            state.rate = None if self._captured_rates is None else self._captured_rates[position]

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
            (number, parameter, _laid_out_as(parameter, gradient))
            for number, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True))
            if gradient is not None
        ]
        for indices in alike.values():
            states = [self._states[members.positions[index]] for index in indices]
            updates = [
                _Update(
                    parameter[index], gradient[index], state.means[number], state.squares[number], state.counts[number]
                )
                for index, state in zip(indices, states, strict=True)
                for number, parameter, gradient in laid_out
            ]
            rate = states[0].rate
            _carry_out(updates, states[0].spec, self._rates[members.positions[indices[0]]] if rate is None else rate)
