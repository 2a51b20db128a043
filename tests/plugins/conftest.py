"""What tests of plugins share: reference representations with their scores, small grids, and a trainer."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness import Draws, FactorGrid, Model, Objective, Rng, TableEvaluation
from harness.training.engines.eager import EagerStepper
from harness.training.purity import Purity
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


class Stream:
    """Stands for `Batches`: every batch is what a function gives, and none is of pairs."""

    def __init__(self, images: Callable[[], Tensor]) -> None:
        self.images = images

    def next_order(self) -> tuple[Tensor, dict[str, Tensor]]:
        return torch.zeros(1), {}

    def gather(self, indices: Tensor) -> Tensor:
        return self.images()


class Stepper(EagerStepper):
    """The eager engine on a stream of images, with a log of what each update changes."""

    def __init__(self, model: Model, images: Callable[[], Tensor], seed: int = 0) -> None:
        super().__init__(model.train(), Stream(images), Rng(seed), Rng(seed + 1))  # type: ignore[arg-type]
        self.purity = Purity(rehearse=False)
        self.log: list[str] = []
        """The updates done, by objective."""
        self.changed: dict[str, set[str]] = {}
        """By objective, the networks (top-level modules) whose parameters it has changed."""

    def update(self, objective: Objective, step: int, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        before = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        terms = super().update(objective, step, images, draws)
        changed = {n.split(".")[0] for n, p in self.model.named_parameters() if not torch.equal(p, before[n])}
        self.log.append(objective.name)
        self.changed.setdefault(objective.name, set()).update(changed)
        return terms


@pytest.fixture
def stepper() -> type[Stepper]:
    return Stepper
