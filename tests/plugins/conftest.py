"""What tests of plugins share: reference representations with their scores, small grids, and a minimal trainer."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness import FactorGrid, Model, Rng, TableEvaluation
from support import REFERENCE


def load_representation(name: str, seed: int = 0) -> TableEvaluation:
    with np.load(REFERENCE / f"{name}.npz") as file:
        sizes, values = file["factor_sizes"], file["factor_values"]
        grid = FactorGrid(
            names=[f"factor {number}" for number in range(len(sizes))],
            sizes=sizes.tolist(),
            values=[np.unique(column) for column in values.T],
            categorical=(~file["is_continuous"]).tolist(),
        )
        names = ("train_index", "test_index", "group_index", "group_label", "std_index")
        fixed = {name: file[name].astype(np.int64) for name in names}
        return TableEvaluation(file["codes"], grid, fixed=fixed, seed=seed)


@pytest.fixture(scope="session")
def published() -> dict[str, Any]:
    """Everything in reference.json."""
    return json.loads((REFERENCE / "reference.json").read_text())


@pytest.fixture(params=sorted(path.stem for path in REFERENCE.glob("*.npz") if not path.stem.startswith("udr_set")))
def representation(request: pytest.FixtureRequest) -> str:
    """Each reference representation's name in turn."""
    return request.param


@pytest.fixture
def table(representation: str) -> TableEvaluation:
    """The representation as an evaluation with the reference's fixed samples."""
    return load_representation(representation)


@pytest.fixture
def exact(representation: str, published: dict[str, Any]) -> dict[str, Any]:
    """The representation's exact reference numbers, by metric."""
    return published["representations"][representation]["exact"]


@pytest.fixture
def stochastic(representation: str, published: dict[str, Any]) -> dict[str, Any]:
    """The representation's reference numbers over seeds, by metric."""
    return published["representations"][representation]["stochastic"]


@pytest.fixture
def load() -> Callable[..., TableEvaluation]:
    """load(representation, seed): a reference representation by name."""
    return load_representation


@pytest.fixture
def make() -> Callable[..., TableEvaluation]:
    """make(sizes, code): a table of code(ids (N, F), rng) -> (N, D) on a grid of these sizes."""

    def made(sizes: tuple[int, ...], code: Callable[[Any, np.random.Generator], Any], seed: int = 0) -> TableEvaluation:
        grid = FactorGrid([str(number) for number in range(len(sizes))], sizes)
        table = code(grid.ids(np.arange(len(grid))), np.random.default_rng(seed))
        return TableEvaluation(np.asarray(table, dtype=np.float32), grid, seed=seed)

    return made


@pytest.fixture
def agree() -> Callable[..., bool]:
    """agree(values, reference): the means over seeds differ by at most three standard errors."""

    def agreed(values: list[float], reference: dict[str, Any]) -> bool:
        # Spreads are pooled: either side alone may have too few seeds to show one.
        variance = max(np.var(values), reference["std"] ** 2)
        error = np.sqrt(variance / len(values) + variance / len(reference["per_seed"]))
        return bool(abs(np.mean(values) - reference["mean"]) <= 3 * error + 1e-6)

    return agreed


class Stepper:
    """A trainer of its own, so that models are tested apart from the engine.

    It steps a model as `harness.objective` says: what is drawn, in which order, and what each update may change.
    """

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
