"""Which of a model's parameters its constructor has set, and which its layers have drawn for themselves."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.utils.hooks import RemovableHandle


class Constructed:
    """Watches a constructor, to tell parameters that it has set from those that layers have drawn for themselves.

    A layer has drawn its parameters by the time when it is made part of another module. What has changed after that,
    and what was never registered because it came from a copy or a file, the constructor has set.
    """

    def __init__(self) -> None:
        self._registered: dict[int, nn.Parameter] = {}
        self._drawn: dict[int, Tensor] = {}
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        self._hooks = [
            register_module_parameter_registration_hook(self._parameter_registered),
            register_module_module_registration_hook(self._layer_registered),
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _parameter_registered(self, module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None:
            self._registered[id(parameter)] = parameter

    def _layer_registered(self, parent: nn.Module, name: str, layer: nn.Module | None) -> None:
        for parameter in layer.parameters() if layer is not None else ():
            if id(parameter) in self._registered and id(parameter) not in self._drawn:
                self._drawn[id(parameter)] = parameter.detach().clone()

    def chosen(self, model: nn.Module) -> dict[str, Tensor]:
        """Copies of the parameters that the constructor has set, by name; but for those of the model itself."""
        own = {id(parameter) for parameter in model.parameters(recurse=False)}
        return {
            name: parameter.detach().clone()
            for name, parameter in model.named_parameters()
            if id(parameter) not in own and not self._as_drawn(parameter)
        }

    def _as_drawn(self, parameter: nn.Parameter) -> bool:
        drawn = self._drawn.get(id(parameter))
        return drawn is not None and torch.equal(drawn, parameter)
