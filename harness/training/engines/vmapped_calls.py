"""Calling a method of many models: of all at once if it can be vmapped, else of as many as it can."""

import json
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from types import MethodType
from typing import Self, TypeAlias

from torch import Tensor

from harness.errors import in_a_line
from harness.model import Model
from harness.training.memory import is_out_of_memory
from harness.training.plain_state import PlainState
from harness.training.purity import is_capturing
from harness.training.stacking import Group, Method, Stacks


class How(IntEnum):
    """How the members of a fleet call a method; what fails in one way is tried in the next."""

    TOGETHER = 0
    BY_SETTINGS = 1
    ALONE = 2

    def __str__(self) -> str:
        return ("together", "together only by members of equal settings", "by one member at a time")[self]


class StatefulError(Exception):
    """A method changes a plain attribute, which one model has for all that are called at once."""

    def __init__(self, attribute: str) -> None:
        super().__init__(f"it changes the attribute {attribute}; make it a buffer, which is stacked and saved")


class CallNote(str):
    """A note that says how a method is called.

    Attributes:
        method: its name; a later note about it replaces this one.
    """

    method: str

    @classmethod
    def of(cls, method: object, how: How, reason: str) -> Self:
        """A note about a method."""
        name = getattr(method, "__qualname__", str(method))
        note = cls(f"in this fleet {name} is called {how}: {reason}")
        note.method = name
        return note


Compute: TypeAlias = Callable[[Group, Method], Callable[[], None]]
"""Two-phase call: computes for a group without side effects, and returns a function that commits the results."""


class VmappedCalls:
    """Calls methods of models of equal signature, for as many models at once as can be.

    Whether a method can be vmapped, and over models of different settings, is found out by trying: the first time with
    copies of all tensors, so that a failure leaves no trace. Where a method changes plain attributes, every method is
    called one by one from then on, since any may read them.

    Args:
        models: the members' models; their tensors become slices of stacks.
        note: told why a method is not called for all members at once.
    """

    def __init__(self, models: Sequence[Model], note: Callable[[str], None]) -> None:
        self.stacks = Stacks(models)
        self._models = models
        self._settings = [json.dumps(model.config.values(), sort_keys=True) for model in models]
        self._note = note
        self._how: dict[Method, How] = {}
        self._proven: set[tuple[Method, Group]] = set()
        self._watched: set[tuple[str, int]] = set()
        self._stateful = False

    def call(
        self, methods: Mapping[int, Callable[..., object]], compute: Compute, alone: Callable[[int], None]
    ) -> None:
        """Call the methods of some models, as many at once as can be.

        Args:
            methods: by the model's position.
            compute: what to do for a group.
            alone: what to do for one model.
        """
        by_method: dict[Method, list[int]] = {}
        for position, method in methods.items():
            if isinstance(method, MethodType) and method.__self__ is self._models[position]:
                by_method.setdefault(method.__func__, []).append(position)
            else:
                self._note(CallNote.of(method, How.ALONE, "it is no method of the model"))
                self._alone(method, position, alone)
        for method, positions in by_method.items():
            how = How.ALONE if self._stateful else self._how.get(method, How.TOGETHER)
            self._divide(how, method, positions, compute, alone)

    def _alone(self, method: Callable[..., object], position: int, alone: Callable[[int], None]) -> None:
        """Call a method of one model; the first time look whether it changes plain attributes."""
        key = getattr(method, "__qualname__", str(method)), position
        if self._stateful or key in self._watched:
            alone(position)
            return
        self._watched.add(key)
        state = PlainState(self._models[position])
        alone(position)
        if attribute := state.changed():
            self._stateful = True
            self._note(CallNote.of(method, How.ALONE, str(StatefulError(attribute))))

    def _divide(
        self, how: How, method: Method, positions: Sequence[int], compute: Compute, alone: Callable[[int], None]
    ) -> None:
        """Call a method in this way, and what of it fails in the next."""
        groups: dict[object, list[int]] = {}
        for position in positions:
            groups.setdefault(self._group_key(how, position), []).append(position)
        for group in groups.values():
            if len(group) == 1:
                self._alone(method, group[0], alone)
            elif not self._together(how, method, self.stacks.group(group), compute):
                self._divide(self._how[method], method, group, compute, alone)

    def _group_key(self, how: How, position: int) -> object:
        """What members have in common who call a method together."""
        match how:
            case How.TOGETHER:
                return None
            case How.BY_SETTINGS:
                return self._settings[position]
            case How.ALONE:
                return position

    def _together(self, how: How, method: Method, group: Group, compute: Compute) -> bool:
        """Try the vmapped call of a group.

        What has worked before may fail for the numbers of one member, such as a target that is no probability: members
        are called one by one then, so that the others go on.

        Returns:
            False if it failed and nothing has changed.

        Raises:
            Exception: the memory is too small; or it failed though it has worked before, and changes parameters.
        """
        proven = (method, group) in self._proven
        state = None if proven else PlainState(self._models[group.positions[0]])
        # `finish_step` changes parameters, too, and what is captured does not fail for numbers.
        restorable = proven and method is not type(self._models[0]).finish_step and not is_capturing()
        kept = self.stacks.copies_of_buffers() if restorable else None
        try:
            commit = compute(group, method)
            if state and (attribute := state.changed()):
                raise StatefulError(attribute)
        except Exception as error:  # Whatever vmap, or the model under it, says.
            if state:
                state.restore()
            if kept is not None:
                self.stacks.put_buffers(kept)
            if (proven and kept is None) or is_out_of_memory(error):
                raise
            self._stateful |= isinstance(error, StatefulError)
            self._how[method] = How.ALONE if self._stateful or proven else How(how + 1)
            self._note(CallNote.of(method, self._how[method], in_a_line(error)))
            return False
        self._proven.add((method, group))
        commit()
        return True

    def take(self, group: Group, method: Method) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A group's parameters and buffers for a computation; copies, until calling the method has worked."""
        return self.stacks.take(group, copied=(method, group) not in self._proven)
