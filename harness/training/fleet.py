"""The fleet engine: alike trials stacked and stepped as one program.

Small networks leave most of a large GPU idle; a fleet fills it. The members' parameters, buffers and
optimizer states are slices of stacked tensors, so each member stays what it is alone: an `EagerEngine`
with its own batches, generators, objectives and checkpoints. Only the updates are done together:
`torch.func.vmap` turns a loss of one model into the same loss of all of them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import Tensor

from harness.errors import in_a_line
from harness.model import Model
from harness.training.eager import EagerEngine, Inputs, gradients_of
from harness.training.optimizers import StackedAdam
from harness.training.recordings import Recorder, Recordings
from harness.training.stacking import Group, Method, Stacks

TOGETHER, BY_SETTINGS, ALONE = range(3)
HOW = ("together", "together only by members of equal settings", "by one member at a time")
"""How members call a method."""

Losses: TypeAlias = list[tuple[Sequence[int], dict[str, Tensor]]]
"""Terms of groups of members: their positions, and each term with one number for each of them."""

Plan: TypeAlias = Callable[[Group, Method], Callable[[], None]]
"""Works out what calling a method leads to for a group, changing nothing; returns what carries it out."""


class FleetEngine:
    """Steps several trials of equal `structure` and precision, each at a training step of its own.

    A loss that cannot be vmapped is called one by one, which is the eager engine. The error of a member is
    kept in `failures`, by the member's position: it does nothing more until it leaves, and stops no other.

    Args:
        members: the trials; their tensors become slices of stacks.
        note: told, once, why a method is not called for all members at once.
        recorder: records steps on a GPU, as the graph engine does; None to do them all eagerly.
    """

    def __init__(
        self, members: Sequence[EagerEngine], note: Callable[[str], None], recorder: Recorder | None = None
    ) -> None:
        self.members = list(members)
        self.failures: dict[int, Exception] = {}
        self._recorder = recorder
        self._recording = False
        self._precision = self.members[0].precision
        self._note = note
        self._told: set[str] = set()
        self._how: dict[Method, int] = {}
        self._stack()

    def _stack(self) -> None:
        models = [member.model for member in self.members]
        objectives = self.members[0].objectives
        names = {id(parameter): name for name, parameter in models[0].named_parameters()}
        self._trained = [[names[id(parameter)] for parameter in objective.parameters()] for objective in objectives]
        self._optimizers = [StackedAdam([m.optimizers[o.name] for m in self.members]) for o in objectives]
        self._stacks = Stacks(models)
        self._settings = [json.dumps(model.config.values(), sort_keys=True) for model in models]
        self._proven: set[tuple[Method, Group]] = set()
        self._losses: Losses = []
        self._recordings = Recordings(self._note, self._record) if self._recorder else None

    def leave(self, positions: Sequence[int]) -> None:
        """Take members out of the fleet; those behind them move up."""
        self.members = [member for position, member in enumerate(self.members) if position not in positions]
        self.failures = {}
        if self.members:
            self._stack()

    def step(self, steps: Sequence[int]) -> None:
        """Do one training step of every member, each at its own step."""
        inputs: dict[int, list[Inputs]] = {}
        for position, member in enumerate(self.members):
            with self._failing(position):
                inputs[position] = member.draw_inputs(steps[position])
        for optimizer in self._optimizers:
            optimizer.prepare(steps)
        sound = self._sound()
        resets = any(steps[p] in o.reset_at for p in sound for o in self.members[p].objectives)
        if self._recordings is None or resets:
            self._losses = self._advance(steps, inputs)
        else:
            phase = tuple(
                (p, number, objective.loss_at(steps[p]))
                for p in sound
                for number, objective in enumerate(self.members[p].objectives)
                if objective.when(steps[p])
            )
            self._losses = self._recordings.run(phase, inputs, lambda own: self._advance(steps, own))

    def _advance(self, steps: Sequence[int], inputs: Mapping[int, list[Inputs]]) -> Losses:
        """The updates of a step on their inputs; returns the members' terms."""
        losses: Losses = []
        remaining = {position: iter(drawn) for position, drawn in inputs.items()}
        for number, objective in enumerate(self.members[0].objectives):
            for position in self._sound():
                if steps[position] in self.members[position].objectives[number].reset_at:
                    with self._failing(position):
                        self.members[position].reset(self.members[position].objectives[number])
            found: Losses = []
            for _ in range(objective.repeats):
                active = [p for p in self._sound() if self.members[p].objectives[number].when(steps[p])]
                found = self._update(number, steps, {p: next(remaining[p]) for p in active})
            losses += found
        self._finish()
        return losses

    def losses(self) -> list[dict[str, float]]:
        """Each member's terms of the last step, "objective/term"; waits for the device once."""
        found: list[dict[str, float]] = [{} for _ in self.members]
        tensors = [value.double() for _, terms in self._losses for value in terms.values()]
        numbers = iter(torch.cat(tensors).tolist() if tensors else [])
        for positions, terms in self._losses:
            for name in terms:
                for position in positions:
                    found[position][name] = next(numbers)
        return found

    def _update(self, number: int, steps: Sequence[int], inputs: Mapping[int, Inputs]) -> Losses:
        """One update of an objective by the members that have inputs; returns their terms."""
        losses: Losses = []
        objectives = {position: self.members[position].objectives[number] for position in inputs}

        def keep(positions: Sequence[int], terms: Mapping[str, Tensor]) -> None:
            name = self.members[0].objectives[number].name
            losses.append((positions, {f"{name}/{term}": value.detach() for term, value in terms.items()}))

        def plan(group: Group, loss: Method) -> Callable[[], None]:
            parameters, buffers = self._take(group, loss)
            trained = {name: parameters[name] for name in self._trained[number]}
            leaves = {name: parameter.detach().requires_grad_() for name, parameter in trained.items()}
            images, draws = zip(*(inputs[position] for position in group.positions), strict=True)
            stacked = {name: torch.stack([each[name] for each in draws]) for name in draws[0]}
            with_leaves = {**parameters, **leaves}
            terms = group.call(loss, with_leaves, buffers, torch.stack(images), stacked, precision=self._precision)
            gradients = gradients_of(terms, list(leaves.values()))

            def carry_out() -> None:
                self._optimizers[number].update(group, list(trained.values()), gradients)
                self._stacks.put(group, trained, buffers)
                keep(group.positions, terms)

            return carry_out

        def alone(position: int) -> None:
            images, draws = inputs[position]
            # Slices of stacks lie contiguously, and some convolutions cannot take images laid out otherwise.
            images = images.contiguous()
            terms = self.members[position].update(objectives[position], steps[position], images, draws)
            keep([position], {name: value.view(1) for name, value in terms.items()})

        self._call({p: objective.loss_at(steps[p]) for p, objective in objectives.items()}, plan, alone)
        return losses

    @torch.no_grad()
    def _finish(self) -> None:
        """What models do at the end of a step."""
        if type(self.members[0].model).finish_step is Model.finish_step:
            return

        def plan(group: Group, finish_step: Method) -> Callable[[], None]:
            parameters, buffers = self._take(group, finish_step)
            group.call(finish_step, parameters, buffers)
            return lambda: self._stacks.put(group, parameters, buffers)

        methods = {position: self.members[position].model.finish_step for position in self._sound()}
        self._call(methods, plan, lambda position: methods[position]())

    def _call(self, methods: Mapping[int, Callable[..., object]], plan: Plan, alone: Callable[[int], None]) -> None:
        """Have members call their methods, as many at once as can be."""
        by_method: dict[Method, list[int]] = {}
        for position, method in methods.items():
            own = getattr(method, "__self__", None) is self.members[position].model
            if not own:
                self._tell(ALONE, method, "it is no method of the model")
            by_method.setdefault(getattr(method, "__func__", method) if own else method, []).append(position)
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
                with self._failing(group[0]):
                    alone(group[0])
            elif not self._together(how, method, self._stacks.group(group), plan):
                self._divide(how + 1, method, group, plan, alone)

    def _together(self, how: int, method: Method, group: Group, plan: Plan) -> bool:
        """Call a method for a group at once; whether that worked. What has worked before has to."""
        try:
            carry_out = plan(group, method)
        except Exception as error:  # Whatever vmap, or the model under it, says.
            if (method, group) in self._proven:
                raise
            self._how[method] = how + 1
            self._tell(how + 1, method, in_a_line(error))
            return False
        self._proven.add((method, group))
        carry_out()
        return True

    def _tell(self, how: int, method: Method, reason: str) -> None:
        text = f"in this fleet {getattr(method, '__qualname__', method)} is called {HOW[how]}: {reason}"
        if text not in self._told:
            self._told.add(text)
            self._note(text)

    def _take(self, group: Group, method: Method) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A group's parameters and buffers; copies, until calling the method has worked."""
        return self._stacks.take(group, copied=(method, group) not in self._proven)

    def _sound(self) -> list[int]:
        return [position for position in range(len(self.members)) if position not in self.failures]

    @contextmanager
    def _failing(self, position: int) -> Iterator[None]:
        """An error within this block is that member's own."""
        try:
            yield
        except Exception as error:  # A model may raise anything; it must not stop the others.
            if self._recording:  # Then it is the recording that cannot be.
                raise
            self.failures[position] = error

    def _record(self, work: Callable[[], Losses]) -> Callable[[], Losses]:
        assert self._recorder is not None
        self._recording = True
        try:
            return self._recorder(work)
        finally:
            self._recording = False
