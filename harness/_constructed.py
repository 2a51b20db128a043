"""Which of a model's parameters its constructor has set, and which its layers have drawn for themselves."""

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.utils.hooks import RemovableHandle


class _Registered:
    """A parameter as it was when a layer was given it.

    Attributes:
        value: what it held.
        state: of torch's global generator.
        drawn: whether the generator had moved since the last parameter or layer was registered.
    """

    def __init__(self, parameter: nn.Parameter, state: Tensor, *, drawn: bool) -> None:
        self.parameter = parameter  # Kept, or another may get its id.
        self.value = parameter.detach().clone()
        self.state = state
        self.drawn = drawn


CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
"""Modules that do nothing to the layers they are given."""


class Constructed:
    """Watches a constructor, to tell parameters that it has set from those that layers have drawn for themselves.

    A layer has drawn its parameters by the time when it is made part of another module: its `reset_parameters` would
    give them again from the same state of torch's generator, or, of a layer without one, the generator has moved
    meanwhile. What came from elsewhere until then or has changed after it, the constructor has set.

    Args:
        of: the class that is constructed; modules of installed packages that are none of its own are libraries'.
    """

    def __init__(self, of: type[nn.Module]) -> None:
        self._own = {_package(each) for each in of.__mro__ if not issubclass(nn.Module, each)}
        self._within: dict[int, tuple[nn.Parameter, Tensor, bool]] = {}
        self._registered: dict[int, _Registered] = {}
        self._drawn: dict[int, Tensor | None] = {}
        self._state = torch.random.get_rng_state()
        self._deterministic = 0
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        self._state = torch.random.get_rng_state()
        self._deterministic = torch.get_deterministic_debug_mode()
        if not self._deterministic:
            # Memory that is left as it was found is nan then, which can be told from numbers out of a file.
            torch.use_deterministic_algorithms(True, warn_only=True)
        self._hooks = [
            register_module_parameter_registration_hook(self._parameter_registered),
            register_module_module_registration_hook(self._layer_registered),
        ]
        return self

    def __exit__(self, *error: object) -> None:
        torch.set_deterministic_debug_mode(self._deterministic)
        for hook in self._hooks:
            hook.remove()

    def _parameter_registered(self, module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        state = torch.random.get_rng_state()
        if parameter is not None and not nn.parameter.is_lazy(parameter):
            self._registered[id(parameter)] = _Registered(parameter, state, drawn=not torch.equal(state, self._state))
        self._state = state

    def _layer_registered(self, parent: nn.Module, name: str, layer: nn.Module | None) -> None:
        for module in layer.modules() if layer is not None else ():
            own = [p for p in module.parameters(recurse=False) if id(p) in self._registered.keys() - self._drawn.keys()]
            if own:
                self._drawn |= self._judged(module, own)
        if layer is not None and self._is_a_librarys(layer) and any(True for _ in layer.children()):
            settled = not self._is_a_librarys(parent) and not isinstance(parent, CONTAINERS)
            for parameter in layer.parameters():
                if not self._within.get(id(parameter), (None, None, False))[2]:
                    self._within[id(parameter)] = parameter, parameter.detach().clone(), settled
        self._state = torch.random.get_rng_state()

    def _is_a_librarys(self, module: nn.Module) -> bool:
        """Whether a library's constructor has made the layers within a module, if it has any, and set their numbers."""
        package = _package(type(module))
        return not isinstance(module, CONTAINERS) and package not in self._own and _is_installed(package)

    def _judged(self, module: nn.Module, parameters: list[nn.Parameter]) -> dict[int, Tensor | None]:
        """What a layer has drawn for each of these parameters, by id; None where it has not drawn what they hold."""
        dtypes = {key: begun.value.dtype for key, begun in self._registered.items()}
        again = _values_redrawn(module, parameters, self._registered[id(parameters[0])].state, dtypes)
        now = torch.random.get_rng_state()
        found: dict[int, Tensor | None] = {}
        for parameter in parameters:
            begun, value = self._registered[id(parameter)], parameter.detach().clone()
            if value.isnan().any():
                drawn = True
            elif again is not None:
                drawn = torch.equal(again[id(parameter)].to(value.dtype), value)
            elif _is_constant(value) and value.flatten()[:1].tolist() in ([], [0], [1]):
                drawn = True  # Where layers without `reset_parameters` begin, as biases and scales do.
            elif torch.equal(begun.value.to(value.dtype), value):
                drawn = begun.drawn
            else:
                drawn = not torch.equal(begun.state, now)
            found[id(parameter)] = value if drawn else None
        return found

    def chosen(self, model: nn.Module) -> dict[str, Tensor]:
        """Copies of the parameters that the constructor has set, by name; but for those of the model itself."""
        own = {id(parameter) for parameter in model.parameters(recurse=False)}
        return {
            name: parameter.detach().clone()
            for name, parameter in model.named_parameters()
            if id(parameter) not in own and not self._as_drawn(parameter)
        }

    def by_libraries(self, model: nn.Module) -> set[str]:
        """The parameters, by name, that are as constructors of libraries have left them, whatever those did."""
        return {
            name
            for name, parameter in model.named_parameters()
            if id(parameter) in self._within and torch.equal(self._within[id(parameter)][1], parameter)
        }

    def _as_drawn(self, parameter: nn.Parameter) -> bool:
        drawn = self._drawn.get(id(parameter))
        return drawn is not None and torch.equal(drawn.nan_to_num(), parameter.nan_to_num())


def copies(model: nn.Module) -> dict[str, list[tuple[str, Tensor]]]:
    """Tensors that hold the same numbers as a parameter, though another's: what a constructor has copied.

    Among parameters, buffers and attributes that are computed from no others; constants such as zeros are alike by
    chance.

    Returns:
        By the parameter's name the names and tensors of its copies.
    """
    parameters = {name: p for name, p in model.named_parameters() if not _is_constant(p)}
    kept = {id(parameter) for parameter in model.parameters()}
    others = [(name, tensor) for name, tensor in _plain_tensors(model) if id(tensor) not in kept]
    candidates = [*parameters.items(), *model.named_buffers(), *others]
    found: dict[str, list[tuple[str, Tensor]]] = {}
    for name, parameter in parameters.items():
        found[name] = [
            (other, tensor)
            for other, tensor in candidates
            if tensor.data_ptr() != parameter.data_ptr()
            and (tensor.shape, tensor.dtype, tensor.device) == (parameter.shape, parameter.dtype, parameter.device)
            and torch.equal(tensor, parameter)
        ]
    return found


def is_drawn(value: Tensor, again: Tensor) -> bool:
    """Whether a parameter is drawn or a constant, and so comes from nowhere else, by what another seed makes of it."""
    return _is_constant(value) or not torch.equal(value, again)


def _plain_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor) and value.grad_fn is None:
                yield f"{path}.{name}" if path else name, value


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _is_installed(package: str) -> bool:
    file = getattr(sys.modules.get(package), "__file__", None)
    return file is not None and any(
        Path(file).is_relative_to(sysconfig.get_path(place)) for place in ("purelib", "platlib")
    )


def _is_constant(value: Tensor) -> bool:
    flat = value.detach().flatten()
    return not len(flat) or bool((flat == flat[0]).all())


@torch.no_grad()
def _values_redrawn(
    module: nn.Module, parameters: list[nn.Parameter], state: Tensor, dtypes: Mapping[int, torch.dtype]
) -> dict[int, Tensor] | None:
    """What `reset_parameters` gives these parameters from a state of torch's generator; None where it cannot tell.

    In the dtype in which each was registered; it may have been cast since.

    Everything is as it was afterwards.
    """
    reset = getattr(module, "reset_parameters", None)
    if not callable(reset):
        return None
    tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    stored = [tensor.data for tensor in tensors]
    before = torch.random.get_rng_state()
    try:
        for tensor, data in zip(tensors, stored, strict=True):
            # Some initialisers fill a tensor in the order in which it lies in memory.
            tensor.data = data.to(dtypes.get(id(tensor), data.dtype)).clone(memory_format=torch.contiguous_format)
        torch.random.set_rng_state(state)
        reset()
        return {id(parameter): parameter.detach().clone() for parameter in parameters}
    except Exception:  # A layer of anyone's may need what it has not got yet.
        return None
    finally:
        torch.random.set_rng_state(before)
        for tensor, data in zip(tensors, stored, strict=True):
            tensor.data = data
