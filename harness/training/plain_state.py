"""Numbers that a model keeps in plain attributes, where neither checkpoints nor stacks of models have them."""

from typing import Any

from torch import Tensor, nn

OF_EVERY_MODULE = frozenset(vars(nn.Module()))
"""Attributes that every module has."""


class PlainState:
    """The tensors, numbers and texts among the attributes of a model's modules, as they are now.

    But for tensors that have been computed from parameters, as `weight_norm` does anew in every forward pass.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._values = self._read()

    def _read(self) -> dict[str, tuple[nn.Module, str, Any, int]]:
        return {
            f"{path}.{name}": (module, name, value, value._version if isinstance(value, Tensor) else 0)
            for path, module in self._model.named_modules()
            for name, value in vars(module).items()
            if name not in OF_EVERY_MODULE and _is_plain(value)
        }

    def changed(self) -> str:
        """The name of an attribute that is another by now; "" for none."""
        now = self._read()
        names = (name for name in {**self._values, **now} if not self._same(name, now))
        return next(names, "").removeprefix(".")

    def _same(self, name: str, now: dict[str, tuple[nn.Module, str, Any, int]]) -> bool:
        if name not in self._values or name not in now:
            return False
        (_, _, old, old_version), (_, _, new, new_version) = self._values[name], now[name]
        return old is new and old_version == new_version if isinstance(old, Tensor) else bool(old == new)

    def restore(self) -> None:
        """Put back what was replaced."""
        for module, name, _, _ in self._read().values():
            del vars(module)[name]
        for module, name, value, _ in self._values.values():
            vars(module)[name] = value


def _is_plain(value: object) -> bool:
    return isinstance(value, int | float | str) or (isinstance(value, Tensor) and value.grad_fn is None)
