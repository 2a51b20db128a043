"""What values hold, as something that is equal for equal content, whatever containers and objects they lie in."""

import sys
from collections.abc import Hashable, Iterable, Mapping
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.config import Settings
from harness.training.plain_state import OF_EVERY_MODULE

_OF_EVERY_CLASS = frozenset({"__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__"})

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


class Content:
    """Values that are equal for equal content; an object that cannot be looked into is equal to nothing else.

    Args:
        model: whose modules have their own places in its signature.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._registered = {id(module) for module in model.modules()}
        self._around: list[int] = []

    def of_module(self, module: nn.Module) -> Hashable:
        """A module's type, the attributes that its own class gives it, and what is called before and after it."""
        left_out = OF_EVERY_MODULE | {"config"} if module is self._model else OF_EVERY_MODULE
        hooks = [hook for name in _HOOKS for hook in vars(module)[name].values()]
        return self(type(module)), self({k: v for k, v in vars(module).items() if k not in left_out}), self(hooks)

    def __call__(self, value: Any) -> Hashable:  # noqa: PLR0911 - a return for each kind of value
        """The content of a value."""
        match value:
            case None | str() | bytes() | bool() | int() | float() | complex() | range():
                return type(value).__name__, value
            case torch.dtype() | torch.device():
                return str(value)
            case Tensor():
                return "tensor", tuple(value.shape), () if value.is_meta else tuple(value.flatten().tolist())
            case np.ndarray() if not value.dtype.hasobject:
                return "array", value.shape, str(value.dtype), value.tobytes()
            case nn.Module() if id(value) in self._registered:  # Its own place in the tree says what it is.
                return self(type(value))
        if id(value) in self._around:
            return "around", self._around.index(id(value))
        self._around.append(id(value))
        try:
            return self._within(value)
        finally:
            self._around.pop()

    def _within(self, value: Any) -> Hashable:  # noqa: PLR0911 - a return for each kind of value
        """The content of what holds other values."""
        match value:
            case type():
                return self._of_class(value)
            case set() | frozenset():
                return "set", frozenset(self(item) for item in value)
            case Settings():
                return self(type(value)), self(dict(value))
            case nn.Module():  # In a plain list, so that its numbers are in no stack.
                return tuple(self.of_module(module) for module in value.modules()), self(value.state_dict())
            case MethodType():
                return self(value.__func__), self(value.__self__)
            case FunctionType():
                return self._of_function(value)
            case property():
                return "property", self([value.fget, value.fset, value.fdel])
            case staticmethod() | classmethod():
                return type(value).__name__, self(value.__func__)
        if type(value) in (list, tuple):
            return type(value).__name__, self._each(value)
        if type(value) is dict:
            return "mapping", tuple((self(key), self(item)) for key, item in value.items())
        return self._of_object(value)

    def _each(self, values: Iterable[Any]) -> Hashable:
        return tuple(self(item) for item in values)

    def _of_class(self, value: type) -> Hashable:
        """A class by its name, where it can be found by that; else by what it defines, as one made in a function."""
        name = value.__module__, value.__qualname__
        if vars(sys.modules.get(value.__module__, object)).get(value.__qualname__) is value:
            return name
        own = {key: item for key, item in vars(value).items() if key not in _OF_EVERY_CLASS}
        return name, self._each(value.__bases__), self(own)

    def _of_function(self, value: FunctionType) -> Hashable:
        """A function by its code, defaults and what it has from around it."""
        cells = []
        for cell in value.__closure__ or ():
            try:
                cells.append(cell.cell_contents)
            except ValueError:  # It has not been given a value yet.
                cells.append(_Same(cell))
        defaults = value.__defaults__, value.__kwdefaults__
        return value.__module__, value.__qualname__, value.__code__, self(cells), self(defaults), self(vars(value))

    def _of_object(self, value: Any) -> Hashable:
        """An object by what a copy of it would be made from."""
        if isinstance(value, _Same):
            return value
        try:
            made = value.__reduce_ex__(4)
        except Exception:  # Nothing tells what it holds, as of locks and open files.
            return self(dict(value)) if isinstance(value, Mapping) else _Same(value)
        if isinstance(made, str):
            return type(value).__name__, made
        function, arguments, *rest = made
        state, items, pairs = (*rest, None, None, None)[:3]
        parts = arguments, state, list(items or ()), list(pairs or ())
        return type(value).__name__, self(type(value)), self(function), self._each(parts)


class _Same:
    """Equal to what holds the very same object, which lives as long."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)


def of_nothing_else(value: object) -> Hashable:
    """What is equal for the same object alone."""
    return _Same(value)
