"""Optimizers: a declaration, parameters, and state that is nothing but named tensors."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from harness.objective import Adam
from harness.training.stacking import Part, share


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
        """Where an update reads the learning rate, if it is recorded and replayed at other steps; 0-dimensional."""

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor | None], step: int) -> None:
        """Update the parameters with their gradients at a training step; None leaves one alone."""
        known = {
            number: _laid_out_as(parameter, gradient)
            for number, (parameter, gradient) in enumerate(zip(self.parameters, gradients, strict=True))
            if gradient is not None
        }
        used = list(known)
        adam(
            [self.parameters[number] for number in used],
            list(known.values()),
            [self.means[number] for number in used],
            [self.squares[number] for number in used],
            [],
            [self.counts[number] for number in used],
            fused=True,
            amsgrad=False,
            beta1=self.spec.betas[0],
            beta2=self.spec.betas[1],
            lr=self.spec.lr_at(step) if self.rate is None else self.rate,
            weight_decay=self.spec.weight_decay,
            eps=self.spec.eps,
            maximize=False,
        )

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
    """The gradient with the parameter's strides, which the fused kernel takes for granted on the CPU.

    Gradients usually have them; those of a gradient's gradient may not.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


class StackedAdam:
    """Adam on stacked parameters, each member with its own learning rate, betas, epsilon, decay and count.

    torch's kernels take one learning rate for all tensors, so the update is written out: the formulas, and
    the order of operations, are those of its fused kernel.

    Args:
        states: the members' optimizers of the same objective; their tensors become slices of stacks.
        recorded: whether updates are recorded, those too that members do by themselves.
    """

    def __init__(self, states: Sequence[AdamState], *, recorded: bool = False) -> None:
        self.specs = [state.spec for state in states]
        self.means, self.squares, self.counts = (
            [share(tensors) for tensors in zip(*lists, strict=True)]
            for lists in zip(*((state.means, state.squares, state.counts) for state in states), strict=True)
        )
        self._rows: list[tuple[float, ...]] = []
        first = states[0].parameters[0]
        self._numbers = torch.zeros(len(states), 5, dtype=torch.double, device=first.device)
        self._rates = first.new_zeros(len(states))
        for state, rate in zip(states, self._rates, strict=True):
            state.rate = rate if recorded else None

    def prepare(self, steps: Sequence[int]) -> None:
        """Put learning rates where updates read them; once per training step, with that of every member."""
        rows: list[tuple[float, ...]] = [
            (spec.lr_at(step), *spec.betas, spec.eps, spec.weight_decay)
            for spec, step in zip(self.specs, steps, strict=True)
        ]
        if rows != self._rows:  # Copying numbers to a device waits for it: only when they change.
            self._numbers.copy_(torch.tensor(rows, dtype=torch.double))
            self._rates.copy_(self._numbers[:, 0])
            self._rows = rows

    @torch.no_grad()
    def update(self, part: Part, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        """Update stacked parameters (G, ...) of a part of the members, at the steps last prepared."""
        lr, beta1, beta2, eps, decay = part.take(self._numbers).unbind(dim=1)
        decays = any(spec.weight_decay for spec in self.specs)
        for number, (parameter, slope) in enumerate(zip(parameters, gradients, strict=True)):
            if slope is None:
                continue
            stacks = (self.means[number], self.squares[number], self.counts[number])
            mean, square, count = slices = [part.take(stack) for stack in stacks]

            def each(numbers: Tensor, like: Tensor = parameter) -> Tensor:
                return numbers.to(like.dtype).view(-1, *[1] * (like.dim() - 1))

            gradient = slope + each(decay) * parameter if decays else slope
            count += 1
            mean.lerp_(gradient, each(1 - beta1))
            square.lerp_(gradient.square(), each(1 - beta2))
            size = square.sqrt() / each((1 - beta2**count).sqrt()) + each(eps)
            parameter.sub_(each(lr / (1 - beta1**count)) * mean / size)
            for stack, new in zip(stacks, slices, strict=True):
                part.put(stack, new)
