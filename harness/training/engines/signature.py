"""What makes models alike, so that they can be stacked."""

from collections.abc import Hashable, Mapping
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn

from harness.config import Settings
from harness.model import Model
from harness.training.stacking import slots

_OWN = frozenset(vars(nn.Module()))
"""Attributes that every module has."""


def signature_of(model: Model) -> Hashable:
    """All that decides what a model computes, but for the values of parameters, buffers and numeric settings.

    Models of equal structure can be stacked. The numbers among the settings are left out because losses
    read them from the configuration; one that has become part of a module, as the slope of a leaky ReLU
    or the number of channels, is part of the structure.
    """
    config = {name: None if _is_number(value) else _plain(value) for name, value in dict(model.config).items()}
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return (
        _plain(type(model)),
        _plain(config),
        tuple((name, tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()),
        tuple((name, _module(module, model)) for name, module in model.named_modules()),
        tuple(slots(model).items()),
        tuple(
            (o.name, tuple(names[id(p)] for p in o.parameters()), o.repeats, o.fresh, _plain(type(o.optimizer)))
            for o in model.objectives()
        ),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _module(module: nn.Module, model: Model) -> Hashable:
    left_out = _OWN | {"config"} if module is model else _OWN
    return _plain(type(module)), _plain({k: v for k, v in vars(module).items() if k not in left_out})


def _plain(value: Any) -> Hashable:  # noqa: PLR0911 - a return for each kind of value
    """A value that is equal for equal content; an object that cannot be looked into is equal to nothing else."""
    match value:
        case None | str() | bytes() | bool() | int() | float() | range():
            return type(value).__name__, value
        case torch.dtype() | torch.device():
            return str(value)
        case type():
            return value.__module__, value.__qualname__
        case list() | tuple():
            return type(value).__name__, tuple(_plain(item) for item in value)
        case set() | frozenset():
            return "set", frozenset(_plain(item) for item in value)
        case Mapping():
            return "mapping", tuple((_plain(key), _plain(item)) for key, item in value.items())
        case Tensor():
            return "tensor", tuple(value.shape), () if value.is_meta else tuple(value.flatten().tolist())
        case Settings():
            return _plain(type(value)), _plain(dict(value))
        case nn.Module():  # Its own place in the tree says what it is.
            return _plain(type(value))
        case MethodType():
            return _plain(value.__func__), _plain(value.__self__)
        case FunctionType():
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            return value.__module__, value.__qualname__, _plain(cells), _plain(value.__defaults__)
        case _ if hasattr(value, "__dict__"):
            return _plain(type(value)), _plain(vars(value))
    return "object", id(value)
