"""The eager engine: plain PyTorch, one trial. The numbers of every other engine are checked against it."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from harness.errors import ContractError, UserError
from harness.model import Model, initialise, objectives_of
from harness.objective import Draws, Loss, Objective
from harness.rng import Rng
from harness.training.batches import Batches
from harness.training.gradients import gradients_of, require_terms
from harness.training.kept_tensors import KeptTensors
from harness.training.model_outputs import draws_of, schedule_of
from harness.training.optimizers import OptimizerState
from harness.training.precision import autocast
from harness.training.purity import Purity

Order: TypeAlias = tuple[Tensor, dict[str, Tensor]]
"""What one update is to see, settled on the host: which images, the schedule's numbers, and what is known of pairs."""

Inputs: TypeAlias = tuple[Tensor, Draws]
"""What one update sees: images, and draws beside the schedule's numbers."""


DRAWS_STATE = "generator/draws"
"""What the state of a training calls that of the generator on the model's device."""

ONE_IMAGE = "training.batch_size: 1 is too small for this model, whose batch normalisation takes at least 2 images"


def loss_in_words(objective: Objective, loss: Loss) -> str:
    """The name of a loss and of its objective, for messages."""
    # The repr of a method is that of its whole model, which takes longer than a small update.
    name = loss.__qualname__ if hasattr(loss, "__qualname__") else repr(loss)
    return f"the loss {name} of objective '{objective.name}'"


class EagerStepper:
    """Steps a model through its objectives, in order, on the device where it lies.

    Args:
        model: in training mode.
        batches: gives `fresh` updates their images.
        draws: the generator handed to `Model.draw`, on the model's device.
        resets: the generator that re-initialises networks, on the CPU.
        precision: "bfloat16" has losses computed under autocast.
    """

    def __init__(self, model: Model, batches: Batches, draws: Rng, resets: Rng, precision: str = "float32") -> None:
        self.model = model.to(memory_format=torch.channels_last)
        self.batches = batches
        self.draws = draws
        self.resets = resets
        self.precision = precision
        self.objectives = objectives_of(model)
        self.optimizers = {o.name: OptimizerState(o.optimizer, o.parameters()) for o in self.objectives}
        self.purity = Purity()
        self.kept = KeptTensors(self.model)

    def step(self, step: int) -> dict[str, Tensor]:
        """Do one training step; returns each loss term of each objective's last update, "objective/term"."""
        return self.advance(step, self.order(step))

    def order(self, step: int) -> list[Order]:
        """List the images and scheduled numbers of each update of a step, taking new batches from the stream."""
        with self.purity.watch("the model's `schedule`"):
            numbers = schedule_of(self.model, step)
        # `full` and not `tensor`, which would wait for the device.
        schedule = {name: torch.full((), value, device=self.draws.device) for name, value in numbers.items()}
        orders: list[Order] = []
        for objective in self.objectives:
            with self.purity.watch(f"`when` of objective '{objective.name}'"):
                active = objective.when(step)
            for _ in range(objective.repeats if active else 0):
                orders.append(self._new_order(schedule) if objective.fresh or not orders else orders[-1])
        return orders

    def _new_order(self, schedule: Mapping[str, Tensor]) -> Order:
        indices, known = self.batches.next_order()
        return indices, {**schedule, **known}

    def fetch(self, orders: Sequence[Order]) -> list[Inputs]:
        """Gather the images and make the draws of each order; updates that share an order share both."""
        fetched: dict[int, Inputs] = {}
        for indices, schedule in orders:
            if id(indices) not in fetched:
                with self.purity.watch("the dataset's `images`"):
                    images = self.batches.gather(indices)
                draws = self._draw(len(images))
                fetched[id(indices)] = images, {**draws, **schedule}
        return [fetched[id(indices)] for indices, _ in orders]

    def _draw(self, count: int) -> Draws:
        name = "the model's `draw`"
        if self.purity.is_new(name):
            state = self.draws.state

            def again() -> Draws:
                self.draws.state = state
                return draws_of(self.model, count, self.draws)

            self.purity.twice(name, again)
            self.draws.state = state
        with self.purity.watch(name):
            return draws_of(self.model, count, self.draws)

    def advance(self, step: int, orders: Sequence[Order]) -> dict[str, Tensor]:
        """Do one training step on the orders that `order` has given."""
        return self.train(step, self.fetch(orders))

    def train(self, step: int, inputs: Sequence[Inputs]) -> dict[str, Tensor]:
        """Do the updates of a step on their inputs."""
        losses: dict[str, Tensor] = {}
        remaining = iter(inputs)
        for objective in self.objectives:
            if step in objective.reset_at:
                self.reset(objective)
            if objective.when(step):
                for _ in range(objective.repeats):
                    terms = self.update(objective, step, *next(remaining))
                losses |= {f"{objective.name}/{term}": value for term, value in terms.items()}
        self.finish_step()
        return losses

    @torch.no_grad()
    def finish_step(self) -> None:
        """Let the model do what it does once at the end of each step."""
        with self.purity.watch("the model's `finish_step`"):
            self.model.finish_step()
        self.kept.keep()

    def update(self, objective: Objective, step: int, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Do one update; returns the loss terms before it."""
        optimizer = self.optimizers[objective.name]
        loss = objective.loss_at(step)
        name = loss_in_words(objective, loss)
        try:
            if self.purity.is_new(name, loss):
                self._rehearse(name, loss, images, draws)
            with self.purity.watch(name, loss):
                terms, gradients = self.differentiate(loss, optimizer.parameters, images, draws)
        except ValueError as error:
            if len(images) == 1 and "more than 1 value per channel" in str(error):
                raise UserError(ONE_IMAGE) from error
            raise
        optimizer.update(gradients, step)
        self.kept.keep()
        return {name: value.detach() for name, value in terms.items()}

    def _rehearse(self, name: str, loss: Loss, images: Tensor, draws: Draws) -> None:
        def call() -> Mapping[str, Tensor]:
            try:
                with autocast(self.precision, images.device):
                    terms = loss(images.clone(), {name: value.clone() for name, value in draws.items()})
                require_terms(terms, name)
                return terms
            finally:
                self.kept.keep()

        self.purity.twice(name, call, (*self.model.parameters(), *self.model.buffers()))

    def differentiate(
        self, loss: Loss, parameters: Sequence[Tensor], images: Tensor, draws: Draws
    ) -> tuple[dict[str, Tensor], Sequence[Tensor | None]]:
        """Loss terms, and gradients of their sum; None for a parameter that it does not depend on."""
        with autocast(self.precision, images.device):
            terms = loss(images, draws)
        return terms, gradients_of(terms, parameters)

    def reset(self, objective: Objective) -> None:
        """Initialise an objective's networks anew, on the CPU and then in place, and clear its optimizer.

        Raises:
            ContractError: a parameter that has been trained is not initialised.
        """
        optimizer = self.optimizers[objective.name]
        trained = [p for p, count in zip(optimizer.parameters, optimizer.counts, strict=True) if count]
        before = [parameter.detach().clone() for parameter in trained]
        tensors = [tensor for network in objective.trains for tensor in [*network.parameters(), *network.buffers()]]
        stored = [tensor.data for tensor in tensors]
        for tensor, data in zip(tensors, stored, strict=True):
            # Some initialisers fill a tensor in the order in which it lies in memory.
            tensor.data = data.cpu().contiguous()
        with torch.no_grad():
            for network in objective.trains:
                initialise(self.model, network, self.resets)
        for tensor, data in zip(tensors, stored, strict=True):
            tensor.data = data.copy_(tensor.data)
        optimizer.clear()
        # A bias of 0 or a scale of 1 may have stayed what it was for want of gradients.
        told = (((value != 0) & (value != 1)).any() for value in before)
        left = {id(p) for p, value, tells in zip(trained, before, told, strict=True) if tells and torch.equal(p, value)}
        kept = {id(parameter) for network in self.model.pretrained() for parameter in network.parameters()}
        if names := [name for name, parameter in self.model.named_parameters() if id(parameter) in left - kept]:
            raise ContractError(
                f"objective '{objective.name}' re-initialises {names[0]}, whose layer has no `reset_parameters`: give "
                "it one, or override `Model.initialise`"
            )

    def state(self) -> dict[str, Tensor]:
        """Every tensor needed to continue exactly from here."""
        state = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            state |= {f"optimizer/{name}/{key}": value for key, value in optimizer.state().items()}
        state[DRAWS_STATE] = self.draws.state
        state["generator/resets"] = self.resets.state
        state["batches/taken"] = torch.tensor(self.batches.taken)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what `state` returned."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}

        self.model.load_state_dict(part("model/"))
        for name, optimizer in self.optimizers.items():
            optimizer.restore(part(f"optimizer/{name}/"))
        self.draws.state = state[DRAWS_STATE]
        self.resets.state = state["generator/resets"]
        self.batches.taken = int(state["batches/taken"])
