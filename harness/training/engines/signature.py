"""What makes models alike, so that they can be stacked."""

from collections.abc import Hashable, Mapping
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn

from harness.config import Settings
from harness.model import Model, objectives_of
from harness.training.plain_state import OF_EVERY_MODULE
from harness.training.stacking import slots


def signature_of(model: Model) -> Hashable:
    """All that decides what a model computes, but for the values of parameters, buffers and numeric settings.

    Models of equal structure can be stacked. The numbers among the settings are left out because losses
    read them from the configuration; one that has become part of a module, as the slope of a leaky ReLU
    or the number of channels, is part of the structure.
    """
    plain = _Content(model)
    config = {name: None if _is_number(value) else plain(value) for name, value in dict(model.config).items()}
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return (
        plain(type(model)),
        plain(config),
        tuple((name, tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()),
        tuple((name, plain.of_module(module)) for name, module in model.named_modules()),
        tuple(slots(model).items()),
        tuple(
            (o.name, tuple(names[id(p)] for p in o.parameters()), o.repeats, o.fresh, plain(type(o.optimizer)))
            for o in objectives_of(model)
        ),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Content:
    """Values that are equal for equal content.

    Args:
        model: whose modules have their own places in the signature.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._registered = {id(module) for module in model.modules()}

    def of_module(self, module: nn.Module) -> Hashable:
        """A module's type and the attributes that its own class gives it."""
        left_out = OF_EVERY_MODULE | {"config"} if module is self._model else OF_EVERY_MODULE
        return self(type(module)), self({k: v for k, v in vars(module).items() if k not in left_out})

    def __call__(self, value: Any) -> Hashable:  # noqa: PLR0911, PLR0912 - a return for each kind of value
        """A value that is equal for equal content; an object that cannot be looked into is equal to nothing else."""
        match value:
            case None | str() | bytes() | bool() | int() | float() | range():
                return type(value).__name__, value
            case torch.dtype() | torch.device():
                return str(value)
            case type():
                return value.__module__, value.__qualname__
            case list() | tuple():
                return type(value).__name__, tuple(self(item) for item in value)
            case set() | frozenset():
                return "set", frozenset(self(item) for item in value)
            case Mapping():
                return "mapping", tuple((self(key), self(item)) for key, item in value.items())
            case Tensor():
                return "tensor", tuple(value.shape), () if value.is_meta else tuple(value.flatten().tolist())
            case Settings():
                return self(type(value)), self(dict(value))
            case nn.Module() if id(value) in self._registered:  # Its own place in the tree says what it is.
                return self(type(value))
            case nn.Module():  # In a plain list, so that its numbers are in no stack.
                return tuple(self.of_module(module) for module in value.modules()), self(value.state_dict())
            case MethodType():
                return self(value.__func__), self(value.__self__)
            case FunctionType():
                cells = [cell.cell_contents for cell in value.__closure__ or ()]
                return value.__module__, value.__qualname__, self(cells), self(value.__defaults__)
            case _ if hasattr(value, "__dict__"):
                return self(type(value)), self(vars(value))
        return "object", id(value)
