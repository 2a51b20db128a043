"""Optimizers: a declaration, parameters, and state that is nothing but named tensors."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from harness.objective import Adam


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

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor | None], step: int) -> None:
        """Update the parameters with their gradients at a training step; None leaves one alone."""
        known = {number: gradient for number, gradient in enumerate(gradients) if gradient is not None}
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
            lr=self.spec.lr_at(step),
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
