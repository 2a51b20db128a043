"""Calling a method of many models: at once, as far as it can be vmapped."""

import json
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import TypeAlias

from torch import Tensor

from harness.errors import in_a_line
from harness.model import Model
from harness.training.memory import is_out_of_memory
from harness.training.stacking import Group, Method, Stacks

TOGETHER, BY_SETTINGS, ALONE = range(3)
HOW = ("together", "together only by members of equal settings", "by one member at a time")
"""How the members of a fleet call a method."""

Plan: TypeAlias = Callable[[Group, Method], Callable[[], None]]
"""Works out what calling a method leads to for a group, changing nothing; returns what carries it out."""


class Calls:
    """Calls methods of models of equal `structure`, whose tensors become slices of stacks.

    Whether a method can be vmapped, and over models of different settings, is found out by trying: once with copies
    of all tensors, so that a failure leaves no trace.

    Args:
        models: the members' models.
        note: told why a method is not called for all members at once.
    """

    def __init__(self, models: Sequence[Model], note: Callable[[str], None]) -> None:
        self.stacks = Stacks(models)
        self._models = models
        self._settings = [json.dumps(model.config.values(), sort_keys=True) for model in models]
        self._note = note
        self._how: dict[Method, int] = {}
        self._proven: set[tuple[Method, Group]] = set()

    def call(self, methods: Mapping[int, Callable[..., object]], plan: Plan, alone: Callable[[int], None]) -> None:
        """Call the methods of some models, as many at once as can be.

        Args:
            methods: by the model's position.
            plan: what to do for a group.
            alone: what to do for one model.
        """
        by_method: dict[Method, list[int]] = {}
        for position, method in methods.items():
            if isinstance(method, MethodType) and method.__self__ is self._models[position]:
                by_method.setdefault(method.__func__, []).append(position)
            else:
                self._tell(ALONE, method, "it is no method of the model")
                alone(position)
        for method, positions in by_method.items():
            self._divide(self._how.get(method, TOGETHER), method, positions, plan, alone)

    def _divide(
        self, how: int, method: Method, positions: Sequence[int], plan: Plan, alone: Callable[[int], None]
    ) -> None:
        """Call a method in this way, and where that cannot be, by smaller groups."""
        groups: dict[object, list[int]] = {}
        for position in positions:
            groups.setdefault((None, self._settings[position], position)[how], []).append(position)
        for group in groups.values():
            if len(group) == 1:
                alone(group[0])
            elif not self._together(how, method, self.stacks.group(group), plan):
                self._divide(how + 1, method, group, plan, alone)

    def _together(self, how: int, method: Method, group: Group, plan: Plan) -> bool:
        """Call a method for a group at once; whether that worked. What has worked before has to."""
        try:
            carry_out = plan(group, method)
        except Exception as error:  # Whatever vmap, or the model under it, says.
            if (method, group) in self._proven or is_out_of_memory(error):
                raise
            self._how[method] = how + 1
            self._tell(how + 1, method, in_a_line(error))
            return False
        self._proven.add((method, group))
        carry_out()
        return True

    def _tell(self, how: int, method: Method, reason: str) -> None:
        self._note(f"in this fleet {getattr(method, '__qualname__', method)} is called {HOW[how]}: {reason}")

    def take(self, group: Group, method: Method) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A group's parameters and buffers for a plan; copies, until calling the method has worked."""
        return self.stacks.take(group, copied=(method, group) not in self._proven)
