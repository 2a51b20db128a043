"""What tests of metrics on samples share: a small labelled dataset, and generators whose faults are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness import (
    FactorGrid,
    ImageSpec,
    LabelledDataset,
    LatentSpace,
    Model,
    ModelEvaluation,
    Rng,
    TableEvaluation,
    Uniform,
)

SIDE = 16


def draw_strokes(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """n images (n, 1, 16, 16), upright, level and slanted strokes by turns, at random places in random greys."""
    rng = Rng(seed)
    places, greys = rng.integers(n, high=SIDE), rng.uniform(n, low=0.6, high=1.0)
    labels = torch.arange(n) % 3
    row, column = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    across = torch.stack([column, row, (row + column) % SIDE])
    strokes = (across[labels] - places[:, None, None]) % SIDE < 2
    speckles = rng.uniform(n, SIDE, SIDE, high=0.1)
    return torch.where(strokes, greys[:, None, None], speckles).unsqueeze(1), labels


class Strokes(LabelledDataset):
    """Strokes of three kinds."""

    image = ImageSpec(1, SIDE, SIDE)
    classes = 3

    def __init__(self, n: int = 240, seed: int = 0) -> None:
        super().__init__(self.Config())
        self.content, self.targets = draw_strokes(n, seed)

    def __len__(self) -> int:
        return len(self.content)

    def images(self, indices: Tensor) -> Tensor:
        return self.content[indices]

    def labels(self, indices: Tensor) -> Tensor:
        return self.targets[indices]


class Emitter(Model):
    """Generates the images of a pool, each equally often."""

    def __init__(self, pool: Tensor) -> None:
        super().__init__(self.Config(), Strokes.image)
        self.pool = pool
        self.latents = LatentSpace({"which": Uniform(1, 0.0, 1.0)})

    def generate(self, latents: Tensor) -> Tensor:
        return self.pool[(latents[:, 0] * len(self.pool)).long().clamp(max=len(self.pool) - 1)]


class Noise(Model):
    """Generates uniform noise."""

    def __init__(self) -> None:
        super().__init__(self.Config(), Strokes.image)
        self.latents = LatentSpace({"pixels": Uniform(SIDE * SIDE, 0.0, 1.0)})

    def generate(self, latents: Tensor) -> Tensor:
        return latents.reshape(-1, 1, SIDE, SIDE)


class Subjects:
    """Evaluations of generators on one dataset, 80 of whose 240 images are held out."""

    def __init__(self, dataset: LabelledDataset, held_out: int = 80) -> None:
        self.dataset = dataset
        self.held_out = held_out

    def of(self, model: Model) -> ModelEvaluation:
        return ModelEvaluation(model, self.dataset, held_out=self.held_out, batch_size=100)

    def emitting(self, pool: Tensor) -> ModelEvaluation:
        return self.of(Emitter(pool))

    def ideal(self) -> ModelEvaluation:
        """Draws new images as the dataset's were drawn."""
        return self.emitting(draw_strokes(3000, seed=1)[0])

    def memoriser(self) -> ModelEvaluation:
        """Copies its training images."""
        return self.emitting(self.dataset.content[self.of(Noise()).trained_on])

    def collapsed(self) -> ModelEvaluation:
        """Draws upright strokes only."""
        images, labels = draw_strokes(3000, seed=1)
        return self.emitting(images[labels == 0])

    def noise(self) -> ModelEvaluation:
        return self.of(Noise())


@pytest.fixture
def whole() -> Callable[..., TableEvaluation]:
    """whole(sizes, code): a table of code(ids (N, F)) -> (N, D), whose every grid point is looked at once."""

    def made(sizes: tuple[int, ...], code: Callable[[Any], Any]) -> TableEvaluation:
        grid = FactorGrid([str(number) for number in range(len(sizes))], sizes)
        every = np.arange(len(grid))
        fixed = {"train_index": every, "test_index": every}
        return TableEvaluation(np.asarray(code(grid.ids(every)), dtype=np.float32), grid, fixed=fixed)

    return made


@pytest.fixture
def strokes() -> type[Strokes]:
    """Strokes(n, seed): the dataset."""
    return Strokes


@pytest.fixture
def subjects() -> Subjects:
    return Subjects(Strokes())


@pytest.fixture
def subjects_of() -> type[Subjects]:
    """Subjects of any dataset."""
    return Subjects


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of these tests, so that a classifier is trained once for all of them."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def _data_is_kept_among_the_tests(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(shared_data))
    monkeypatch.delenv("HARNESS_DOWNLOAD", raising=False)
