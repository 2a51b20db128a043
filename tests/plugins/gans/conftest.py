"""A minimal trainer that follows the contract of objectives, so that models are tested on their own."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from harness import Model, Rng


class Stepper:
    """Steps a model as `harness.objective` says: what is drawn, in which order, and what each update may change."""

    def __init__(self, model: Model, images: Callable[[], Tensor], seed: int = 0) -> None:
        self.model = model.train()
        self.images = images
        self.draws, self.resets = Rng(seed), Rng(seed + 1)
        self.optimizers = {
            o.name: torch.optim.Adam(o.parameters(), o.optimizer.lr_at(0), betas=o.optimizer.betas)
            for o in model.objectives()
        }
        self.log: list[str] = []
        """The updates done, by objective."""
        self.changed: dict[str, set[str]] = {}
        """By objective, the networks (top-level modules) whose parameters it has changed."""

    def step(self, step: int) -> dict[str, float]:
        """One training step; every update's terms, the last of each objective remaining."""
        schedule = {name: torch.tensor(value) for name, value in self.model.schedule(step).items()}
        inputs = None
        losses: dict[str, float] = {}
        for objective in self.model.objectives():
            if step in objective.reset_at:
                for network in objective.trains:
                    for layer in network.modules():
                        if list(layer.parameters(recurse=False)):
                            self.model.initialise(layer, self.resets)
                self.optimizers[objective.name].state.clear()
            for _ in range(objective.repeats if objective.when(step) else 0):
                if inputs is None or objective.fresh:
                    images = self.images()
                    inputs = images, {**self.model.draw(len(images), self.draws), **schedule}
                before = {name: p.detach().clone() for name, p in self.model.named_parameters()}
                terms = objective.loss_at(step)(*inputs)
                parameters = objective.parameters()
                total = torch.stack(list(terms.values())).sum()
                for parameter, gradient in zip(parameters, torch.autograd.grad(total, parameters), strict=True):
                    parameter.grad = gradient
                self.optimizers[objective.name].step()
                self.log.append(objective.name)
                changed = {n.split(".")[0] for n, p in self.model.named_parameters() if not torch.equal(p, before[n])}
                self.changed.setdefault(objective.name, set()).update(changed)
                losses |= {f"{objective.name}/{term}": value.item() for term, value in terms.items()}
        with torch.no_grad():
            self.model.finish_step()
        return losses


@pytest.fixture
def stepper() -> type[Stepper]:
    return Stepper
