"""Tensors that a model replaces: `self.average = 0.9 * self.average + x` instead of a change in place."""

import torch
from torch import nn

from harness.errors import ContractError


class KeptTensors:
    """The parameters and buffers of a model, kept where they are in memory.

    CUDA graphs, optimizers and stacks of models read and write them at fixed addresses; what is replaced would be lost
    to them.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._buffers = [
            (module._buffers, name, buffer)
            for module in model.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        self._parameters = [
            (module._parameters, name, parameter)
            for module in model.modules()
            for name, parameter in module._parameters.items()
            if parameter is not None
        ]
        self.settle()

    def settle(self) -> None:
        """Take the places where the tensors are now for those to keep them at."""
        tensors = [tensor for _, _, tensor in (*self._parameters, *self._buffers)]
        self._places = [(tensor, tensor.data) for tensor in tensors]

    @torch.no_grad()
    def keep(self) -> None:
        """Write the values of replaced tensors into those that were replaced, and put these back.

        Raises:
            ContractError: a parameter is another object now, which no optimizer knows of.
        """
        for parameters, name, parameter in self._parameters:
            if parameters[name] is not parameter:
                raise ContractError(
                    f"{type(self._model).__name__} replaces its parameter {name} while it is trained; change it in "
                    "place, as `parameter.copy_(numbers)` does"
                )
        for number, (buffers, name, kept) in enumerate(self._buffers):
            new = buffers[name]
            if new is None or new is kept:
                continue
            if new.shape == kept.shape and new.dtype == kept.dtype:
                kept.copy_(new)
                buffers[name] = kept
            else:
                self._buffers[number] = buffers, name, new
        for tensor, place in self._places:
            if tensor.data_ptr() != place.data_ptr() and tensor.shape == place.shape and tensor.dtype == place.dtype:
                tensor.data = place.copy_(tensor)
