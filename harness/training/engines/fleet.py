"""The fleet engine: alike trials stacked and stepped as one program.

Small networks leave most of a large GPU idle; a fleet fills it. The members' parameters, buffers and
optimizer states are slices of stacked tensors, so each member stays what it is alone: an `EagerStepper`
with its own batches, generators, objectives and checkpoints. Only the updates are done together:
`torch.func.vmap` turns a loss of one model into the same loss of all of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor

from harness.model import Model
from harness.nn.doubles import to_double
from harness.rng import Rng
from harness.training.engines.compiled import CompiledCalls
from harness.training.engines.cuda_graphs import Capture, CapturedSteps
from harness.training.engines.eager import EagerStepper, Inputs, Order, loss_in_words
from harness.training.engines.vmapped_calls import VmappedCalls
from harness.training.gradients import gradients_of, require_terms
from harness.training.optimizers import StackedOptimizer
from harness.training.purity import Purity
from harness.training.stacking import Group, Method

O = TypeVar("O")  # noqa: E741 - outputs

Losses: TypeAlias = list[tuple[Sequence[int], dict[str, Tensor]]]
"""Terms of groups of members: their positions, and each term with one number for each of them."""


class FleetEngine:
    """Steps several trials of equal signature and precision, each at a training step of its own.

    A loss that cannot be vmapped is called one by one, which is the eager engine. The error of a member is
    kept in `failures`, by the member's position: it does nothing more until it leaves, and stops no other.

    Args:
        members: the trials; their tensors become slices of stacks.
        note: told, once, why a method is not called for all members at once.
        capture: captures steps on a GPU, as the graph engine does; None to do them all eagerly.
        compiled: whether losses are compiled.
    """

    def __init__(
        self,
        members: Sequence[EagerStepper],
        note: Callable[[str], None],
        capture: Capture | None = None,
        *,
        compiled: bool = False,
    ) -> None:
        self.members = list(members)
        self.failures: dict[int, Exception] = {}
        self._capture = capture
        self._compiled = compiled
        self._capturing = False
        self._precision = self.members[0].precision
        self._note = note
        self._told: set[str] = set()
        self._purity = Purity()
        self._stack()

    def _stack(self) -> None:
        models = [member.model for member in self.members]
        objectives = self.members[0].objectives
        names = {id(parameter): name for name, parameter in models[0].named_parameters()}
        self._trained = [[names[id(parameter)] for parameter in objective.parameters()] for objective in objectives]
        self._optimizers = [
            StackedOptimizer(
                [member.optimizers[objective.name] for member in self.members], captured=self._capture is not None
            )
            for objective in objectives
        ]
        self._calls = VmappedCalls(models, self._tell)
        for member in self.members:
            member.kept.settle()
        self._call_loss = CompiledCalls(self._tell) if self._compiled else Group.call
        self._losses: Losses = []
        rngs = [member.draws for member in self.members]
        self._captured = CapturedSteps(self._tell, self._capture_region, rngs) if self._capture else None

    def leave(self, positions: Sequence[int]) -> None:
        """Take members out of the fleet; those behind them move up."""
        for position in positions:
            for optimizer in self.members[position].optimizers.values():
                optimizer.rate = None
        self.members = [member for position, member in enumerate(self.members) if position not in positions]
        self.failures = {}
        if self.members:
            self._stack()

    def step(self, steps: Sequence[int]) -> None:
        """Do one training step of every member, each at its own step."""
        orders: dict[int, list[Order]] = {}
        for position, member in enumerate(self.members):
            with self._failing(position):
                orders[position] = member.order(steps[position])
        for optimizer in self._optimizers:
            optimizer.prepare(steps)
        sound = self._sound()
        resets = any(steps[p] in o.reset_at for p in sound for o in self.members[p].objectives)
        if self._captured is None or resets:
            self._losses = self._train(steps, self._fetch(orders))
        else:
            key = tuple(
                (p, number, objective.loss_at(steps[p]))
                for p in sound
                for number, objective in enumerate(self.members[p].objectives)
                if objective.when(steps[p])
            )
            self._losses = self._captured.run(key, orders, self._fetch, partial(self._train, steps))

    def _fetch(self, orders: Mapping[int, list[Order]]) -> dict[int, list[Inputs]]:
        """What the updates of each member see, gathered and drawn."""
        inputs: dict[int, list[Inputs]] = {}
        for position, own in orders.items():
            with self._failing(position):
                inputs[position] = self.members[position].fetch(own)
        return inputs

    def _train(self, steps: Sequence[int], inputs: Mapping[int, list[Inputs]]) -> Losses:
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
        tensors = [to_double(value) for _, terms in self._losses for value in terms.values()]
        numbers = iter(torch.cat(tensors).tolist() if tensors else [])
        for positions, terms in self._losses:
            for name in terms:
                for position in positions:
                    found[position][name] = next(numbers)
        return found

    def _update(self, number: int, steps: Sequence[int], inputs: Mapping[int, Inputs]) -> Losses:
        """Do one update of an objective by the members that have inputs; returns their terms, of before the update.

        Members whose losses can be vmapped are updated together, in groups of G; the others one by one, as alone.

        Args:
            number: of the objective, which all members have in the same place.
            steps: the training step that each member is at, by position.
            inputs: what each active member sees, by position: images (N, C, H, W), draws and the schedule's numbers.
        """
        losses: Losses = []
        objectives = {position: self.members[position].objectives[number] for position in inputs}
        name = self.members[0].objectives[number].name

        def keep(positions: Sequence[int], terms: Mapping[str, Tensor]) -> None:
            losses.append((positions, {f"{name}/{term}": value.detach() for term, value in terms.items()}))

        def together(group: Group, loss: Method) -> Callable[[], None]:
            # Nothing is changed before `commit`: vmap may fail halfway, and the group is then divided.
            parameters, buffers = self._calls.take(group, loss)
            trained = {own: parameters[own] for own in self._trained[number]}
            terms, gradients = self._differentiate(number, group, loss, parameters, trained, buffers, inputs)

            def commit() -> None:
                self._optimizers[number].update(group, list(trained.values()), gradients)
                self._calls.stacks.put(group, trained, buffers)
                keep(group.positions, terms)

            return commit

        def alone(position: int) -> None:
            images, draws = inputs[position]
            # Slices of stacks lie contiguously, and some convolutions cannot take images laid out otherwise.
            images = images.contiguous()
            with self._failing(position):
                terms = self.members[position].update(objectives[position], steps[position], images, draws)
                keep([position], {term: value.view(1) for term, value in terms.items()})

        # By the loss that applies at each member's own step, which may be another for each.
        self._calls.call({p: objective.loss_at(steps[p]) for p, objective in objectives.items()}, together, alone)
        return losses

    def _differentiate(
        self,
        number: int,
        group: Group,
        loss: Method,
        parameters: Mapping[str, Tensor],
        trained: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        inputs: Mapping[int, Inputs],
    ) -> tuple[dict[str, Tensor], Sequence[Tensor | None]]:
        """The loss of G members and its gradients.

        The sum over members of losses that depend on one member's parameters each has, for every parameter, the
        gradient that the member's own loss has: one backward pass gives all.

        Args:
            number: of the objective.
            group: whose loss; it runs on the first model's code with stacked tensors.
            loss: of the models' class.
            parameters: all by name, (G, ...); `trained` are those that the objective updates.
            trained: by name, (G, ...).
            buffers: by name, (G, ...); batch normalisation changes them in place.
            inputs: of each member: images (N, C, H, W), draws (N, ...) and the schedule's 0-dimensional numbers.

        Returns:
            Each term (G,), and a gradient (G, ...) for each of `trained`, None where there is none.
        """
        images, draws = zip(*(inputs[position] for position in group.positions), strict=True)
        stacked = {name: torch.stack([each[name] for each in draws]) for name in draws[0]}
        leaves = {name: parameter.detach().requires_grad_() for name, parameter in trained.items()}
        state = {**parameters, **leaves}
        name = loss_in_words(self.members[0].objectives[number], loss)
        if self._purity.is_new(name, loss):

            def call() -> dict[str, Tensor]:
                copied = [{own: each.clone() for own, each in given.items()} for given in (state, buffers, stacked)]
                terms = group.call(loss, *copied[:2], torch.stack(images), copied[2], precision=self._precision)
                require_terms({term: value[0] for term, value in terms.items()}, name)
                return terms

            self._purity.twice(name, call)
        with self._purity.watch(name, loss):
            terms = self._call_loss(
                group, loss, state, buffers, torch.stack(images), stacked, precision=self._precision
            )
        return terms, gradients_of(terms, list(leaves.values()))

    @torch.no_grad()
    def _finish(self) -> None:
        """Let the models do what they do once at the end of each step."""
        if type(self.members[0].model).finish_step is Model.finish_step:
            return

        def together(group: Group, finish_step: Method) -> Callable[[], None]:
            parameters, buffers = self._calls.take(group, finish_step)
            with self._purity.watch("the model's `finish_step`"):
                group.call(finish_step, parameters, buffers)
            return lambda: self._calls.stacks.put(group, parameters, buffers)

        def alone(position: int) -> None:
            with self._failing(position):
                self.members[position].finish_step()

        methods = {position: self.members[position].model.finish_step for position in self._sound()}
        self._calls.call(methods, together, alone)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._note(text)

    def _sound(self) -> list[int]:
        return [position for position in range(len(self.members)) if position not in self.failures]

    @contextmanager
    def _failing(self, position: int) -> Iterator[None]:
        """Record an error within this block as the failure of the member at a position; the others go on."""
        try:
            yield
        except Exception as error:  # A model may raise anything; it must not stop the others.
            if self._capturing:  # Then it is the capture that fails, for all members.
                raise
            self.failures[position] = error

    def _capture_region(self, region: Callable[[], O], rngs: Sequence[Rng]) -> Callable[[], O]:
        assert self._capture is not None
        self._capturing = True
        try:
            return self._capture(region, rngs)
        finally:
            self._capturing = False
