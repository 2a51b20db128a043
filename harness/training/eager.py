"""The eager engine: plain PyTorch, one trial. The numbers of every other engine are checked against it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from harness.model import Model, initialise
from harness.objective import Objective
from harness.rng import Rng
from harness.training.batches import Batches
from harness.training.optimizers import AdamState


class EagerEngine:
    """Steps a model through its objectives, in order, on the device where it lies.

    Args:
        model: in training mode.
        batches: gives `fresh` updates their images.
        draws: the generator handed to `Model.draw`, on the model's device.
        resets: the generator that re-initialises networks, on the CPU.
    """

    def __init__(self, model: Model, batches: Batches, draws: Rng, resets: Rng) -> None:
        self.model = model.to(memory_format=torch.channels_last)
        self.batches = batches
        self.draws = draws
        self.resets = resets
        self.objectives = model.objectives()
        self.optimizers = {o.name: AdamState(o.optimizer, o.parameters()) for o in self.objectives}

    def step(self, step: int) -> dict[str, Tensor]:
        """Do one training step; returns each loss term of each objective's last update, "objective/term"."""
        schedule = self._schedule(step)
        losses: dict[str, Tensor] = {}
        inputs: tuple[Tensor, Mapping[str, Tensor]] | None = None
        for objective in self.objectives:
            if step in objective.reset_at:
                self._reset(objective)
            if not objective.when(step):
                continue
            for _ in range(objective.repeats):
                if inputs is None or objective.fresh:
                    inputs = self._fresh_inputs(schedule)
                terms = self._update(objective, step, *inputs)
            losses |= {f"{objective.name}/{term}": value.detach() for term, value in terms.items()}
        with torch.no_grad():
            self.model.finish_step()
        return losses

    def _fresh_inputs(self, schedule: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        images = self.batches.next()
        return images, {**self.model.draw(len(images), self.draws), **schedule}

    def _schedule(self, step: int) -> dict[str, Tensor]:
        numbers = self.model.schedule(step)
        return {name: torch.tensor(value, device=self.draws.device) for name, value in numbers.items()}

    def _update(
        self, objective: Objective, step: int, images: Tensor, draws: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        terms = objective.loss_at(step)(images, draws)
        optimizer = self.optimizers[objective.name]
        total = torch.stack(list(terms.values())).sum()
        # Gradients of the trained networks and of nothing else: nothing to clear, nothing stray.
        gradients = torch.autograd.grad(total, optimizer.parameters, allow_unused=True)
        optimizer.update(gradients, step)
        return terms

    def _reset(self, objective: Objective) -> None:
        for network in objective.trains:
            device = next(network.parameters()).device
            network.to("cpu")
            with torch.no_grad():
                initialise(self.model, network, self.resets)
            network.to(device)
        self.optimizers[objective.name].clear()

    def state(self) -> dict[str, Tensor]:
        """Every tensor needed to continue exactly from here."""
        state = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            state |= {f"optimizer/{name}/{key}": value for key, value in optimizer.state().items()}
        state["generator/draws"] = self.draws.state
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
        self.draws.state = state["generator/draws"]
        self.resets.state = state["generator/resets"]
        self.batches.taken = int(state["batches/taken"])
