"""Stacking: the tensors of several models as slices of one, and methods called on all of them at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from harness.model import Model
from harness.training.precision import autocast

Method: TypeAlias = Callable[..., Any]
"""A function of a model class, called with the model as its first argument."""


def share(tensors: Sequence[Tensor]) -> Tensor:
    """One (N, ...) tensor with the values of N equally shaped ones, which become its slices.

    From then on whatever changes a slice in place changes the whole, and the other way round.
    """
    first = tensors[0]
    whole = torch.empty((len(tensors), *first.shape), dtype=first.dtype, device=first.device)
    for tensor, piece in zip(tensors, whole, strict=True):
        tensor.data = piece.copy_(tensor.detach())
    return whole


class Slices:
    """Some members' slices of stacked tensors.

    Args:
        positions: of the members in the stack.
        size: of the stack.
        device: of the stacked tensors.
    """

    def __init__(self, positions: Sequence[int], size: int, device: torch.device) -> None:
        self.positions = tuple(positions)
        self._whole = len(positions) == size
        self._index = torch.tensor(positions, device=device)

    def take(self, stack: Tensor) -> Tensor:
        """The slices: the stack itself if they are all of it, otherwise a copy."""
        return stack if self._whole else stack.index_select(0, self._index)

    def put(self, stack: Tensor, slices: Tensor) -> None:
        """Write slices back, unless they are the stack itself."""
        if slices is not stack:
            stack.index_copy_(0, self._index, slices)


class Group(Slices):
    """Models whose methods are called as one.

    A method runs on the first of the models, whose tensors are replaced by stacked ones. A setting in
    which the models differ is replaced in its configuration too: a float by a tensor of all the models'
    values, so that the method reads it as it always does; any other is taken away.

    Args:
        positions: of the models in the stack.
        models: all models of the stack, equal in their signatures.
    """

    def __init__(self, positions: Sequence[int], models: Sequence[Model]) -> None:
        first = next(models[0].parameters())
        super().__init__(positions, len(models), first.device)
        configs = [dict(models[position].config) for position in positions]
        values = {name: [config[name] for config in configs] for name in configs[0]}
        differing = {name: row for name, row in values.items() if any(value != row[0] for value in row)}
        self._numbers = {
            name: torch.tensor(row, dtype=first.dtype, device=first.device)
            for name, row in differing.items()
            if isinstance(row[0], float)
        }
        self._missing = differing.keys() - self._numbers
        self._device = first.device
        self._model = models[positions[0]]
        self._caller = _Caller(self._model)
        self._slots = slots(self._model)

    def call(
        self,
        method: Method,
        parameters: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        *arguments: Any,
        precision: str = "float32",
    ) -> dict[str, Tensor]:
        """What the method returns for each model, stacked; None as no tensors.

        Args:
            method: of the models' class; it may change its tensors in place.
            parameters: by name, stacked (G, ...).
            buffers: by name, stacked.
            arguments: tensors, or mappings of them, stacked.
            precision: "bfloat16" calls it under autocast.
        """
        state = {**parameters, **buffers}

        def one(state: dict[str, Tensor], numbers: dict[str, Tensor], arguments: tuple[Any, ...]) -> dict[str, Tensor]:
            # Autocast has to begin inside vmap, which does not see one that began outside.
            with self._configured(numbers), autocast(precision, self._device):
                # torch itself would replace a tensor once for each path to it, and put the replacement back at the end.
                own = {f"model.{slot}": state[name] for slot, name in self._slots.items()}
                found: dict[str, Tensor] = functional_call(self._caller, own, (method, *arguments), tie_weights=False)
                for slot, name in self._slots.items():
                    new = own[f"model.{slot}"]
                    if name in parameters and new is not state[name]:
                        raise ValueError(f"it replaces the parameter {name}")
                    _write_replaced(state[name], new)
            return found

        stacked: dict[str, Tensor] = vmap(one)(state, self._numbers, arguments)
        return stacked

    @contextmanager
    def _configured(self, numbers: Mapping[str, Tensor]) -> Iterator[None]:
        own = self._model.config
        replaced = own.model_copy(update=dict(numbers))
        for name in self._missing:
            del vars(replaced)[name]
        self._model.config = replaced
        try:
            yield
        except AttributeError as error:
            if error.name in self._missing:
                reason = f"it reads the setting {error.name}, which differs between members and is no float"
                raise ValueError(reason) from None
            raise
        finally:
            self._model.config = own


class Stacks:
    """The parameters and buffers of models of equal signature, stacked; each model's own become slices."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models
        self._parameters = _shared([dict(model.named_parameters()) for model in models])
        self._buffers = _shared([dict(model.named_buffers()) for model in models])
        self._groups: dict[tuple[int, ...], Group] = {}

    def group(self, positions: Sequence[int]) -> Group:
        """The models at these positions."""
        key = tuple(positions)
        if key not in self._groups:
            self._groups[key] = Group(key, self._models)
        return self._groups[key]

    def take(self, group: Group, *, copied: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A group's parameters and buffers by name, (G, ...) each; what is changed in them is to be `put` back.

        Those of all models are the stacks themselves unless `copied`.
        """

        def take(stacks: Mapping[str, Tensor]) -> dict[str, Tensor]:
            slices = {name: group.take(stack) for name, stack in stacks.items()}
            return {name: tensor.clone() for name, tensor in slices.items()} if copied else slices

        return take(self._parameters), take(self._buffers)

    def put(self, group: Group, parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor]) -> None:
        """Write back what `take` gave."""
        for name, slices in parameters.items():
            group.put(self._parameters[name], slices)
        for name, slices in buffers.items():
            group.put(self._buffers[name], slices)

    def copies_of_buffers(self) -> dict[str, Tensor]:
        """The buffers of all models by name, copied."""
        return {name: stack.clone() for name, stack in self._buffers.items()}

    def put_buffers(self, copies: Mapping[str, Tensor]) -> None:
        """Write back what `copies_of_buffers` gave."""
        for name, stack in self._buffers.items():
            stack.copy_(copies[name])


def _shared(models: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: share([tensors[name] for tensors in models]) for name in models[0]}


@torch.no_grad()
def _write_replaced(kept: Tensor, new: Tensor) -> None:
    """Have a tensor that a method replaced by another hold the other's values."""
    if new is not kept:
        if new.shape != kept.shape or new.dtype != kept.dtype:
            raise ValueError("a buffer is replaced by one of another shape or type")
        kept.copy_(new)


def slots(model: nn.Module) -> dict[str, str]:
    """The attributes that hold a model's parameters and buffers, each once, with the name of the tensor in them.

    A module under several names is one module. Tensors of `named_parameters` and `named_buffers` that several modules
    share are in several attributes.
    """
    names = {id(tensor): name for name, tensor in (*model.named_parameters(), *model.named_buffers())}
    # Shallow copies of a module hold their tensors in the same dictionaries as the module.
    holders = {
        id(held): (path, held)
        for path, module in reversed([*model.named_modules()])
        for held in (module._buffers, module._parameters)
    }
    return {
        f"{path}.{attribute}" if path else attribute: names[id(tensor)]
        for path, held in reversed(holders.values())
        for attribute, tensor in held.items()
        if tensor is not None
    }


class _Caller(nn.Module):
    """A module whose forward pass is any method of a model, as `functional_call` wants it."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, method: Method, *arguments: Any) -> dict[str, Tensor]:
        """The method's result, which is a dictionary of tensors or nothing."""
        return method(self.model, *arguments) or {}
