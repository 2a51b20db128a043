"""The compiled engine: the eager engine, with every loss and its gradient compiled by torch.compile."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_map_only

from harness.errors import in_a_line
from harness.model import Model
from harness.objective import Draws, Loss
from harness.rng import Rng
from harness.training.batches import Batches
from harness.training.engines.eager import EagerStepper
from harness.training.stacking import Group, Method

Tensors: TypeAlias = Mapping[str, Tensor]


class CompiledStepper(EagerStepper):
    """One trial, its losses compiled when they are first called; one that cannot be is called as it is.

    Compiling takes from seconds to minutes for each loss, and on the CPU needs a C++ compiler.

    Args:
        model: in training mode.
        batches: gives `fresh` updates their images.
        draws: the generator handed to `Model.draw`, on the model's device.
        resets: the generator that re-initialises networks, on the CPU.
        precision: "bfloat16" has losses computed under autocast.
        note: told, once for each loss, why it is not compiled.
    """

    def __init__(
        self, model: Model, batches: Batches, draws: Rng, resets: Rng, precision: str, note: Callable[[str], None]
    ) -> None:
        super().__init__(model, batches, draws, resets, precision)
        self._note = note
        self._compiled: dict[Loss, Loss] = {}

    def differentiate(
        self, loss: Loss, parameters: Sequence[Tensor], images: Tensor, draws: Draws
    ) -> tuple[dict[str, Tensor], Sequence[Tensor | None]]:
        """Loss terms, and gradients of their sum."""
        if loss not in self._compiled:
            return self._compile(loss, parameters, images, draws)
        return super().differentiate(self._compiled[loss], parameters, images, draws)

    def _compile(
        self, loss: Loss, parameters: Sequence[Tensor], images: Tensor, draws: Draws
    ) -> tuple[dict[str, Tensor], Sequence[Tensor | None]]:
        """Call a loss for the first time."""
        before = [buffer.clone() for buffer in self.model.buffers()]
        try:
            self._compiled[loss] = torch.compile(loss, dynamic=False)
            return super().differentiate(self._compiled[loss], parameters, images, draws)
        except Exception as error:  # Whatever the compiler says; the loss itself may be sound.
            self._compiled[loss] = loss
            self._note(f"{getattr(loss, '__qualname__', loss)} is not compiled: {in_a_line(error)}")
        for buffer, value in zip(self.model.buffers(), before, strict=True):
            buffer.copy_(value)
        return super().differentiate(loss, parameters, images, draws)


class CompiledCalls:
    """Calls methods of the models of a fleet, compiled; one that cannot be compiled is called as it is.

    For GPUs alone: on a CPU, Inductor's code for DCGAN's fleet writes beyond its memory (torch 2.15), and the process
    crashes.

    Args:
        note: told, once for each method, why it is not compiled.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._compiled: dict[tuple[Group, Method], Callable[..., dict[str, Tensor]]] = {}

    def __call__(
        self, group: Group, method: Method, parameters: Tensors, buffers: Tensors, *arguments: Any, precision: str
    ) -> dict[str, Tensor]:
        """Call the compiled method; returns what `Group.call` does.

        Raises:
            Exception: whatever that raises.
        """
        if (group, method) in self._compiled:
            return self._compiled[group, method](parameters, buffers, arguments)

        def call(parameters: Tensors, buffers: Tensors, arguments: Sequence[Any]) -> dict[str, Tensor]:
            return group.call(method, parameters, buffers, *arguments, precision=precision)

        given = dict(parameters), dict(buffers), arguments
        try:
            # What vmap makes of a method is first written down as operations on stacked tensors.
            with torch.no_grad():
                written = make_fx(call)(*tree_map_only(Tensor, lambda tensor: tensor.detach().clone(), given))
            compiled = torch.compile(written, dynamic=False)
            # Once with copies, so that a failure leaves no trace.
            compiled(*tree_map_only(Tensor, _copy, given))
        except Exception as error:  # Whatever the compiler says; the method itself may be sound.
            found = call(*given)
            self._compiled[group, method] = call
            self._note(f"{getattr(method, '__qualname__', method)} is not compiled: {in_a_line(error)}")
            return found
        self._compiled[group, method] = compiled
        result: dict[str, Tensor] = compiled(*given)
        return result


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)
