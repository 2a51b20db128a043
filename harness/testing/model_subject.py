"""The subject of a model's checks: its class with settings and pictures, and steps of its training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from harness.config import Settings, parse
from harness.model import ImageSpec, Model, build
from harness.rng import Rng
from harness.testing.check import CheckFailed, unmoved
from harness.testing.comparison import EngineComparison, compare_fleet
from harness.testing.pictures import Squares
from harness.training.batches import Batches
from harness.training.engines.base import make_stepper
from harness.training.engines.eager import EagerStepper
from harness.training.model_outputs import draws_of, schedule_of

BATCH = 8
STEPS = 3


@dataclass(frozen=True)
class ModelSubject:
    """A model class with settings, and pictures to train it on."""

    model_class: type[Model]
    config: Settings
    pictures: Squares

    @classmethod
    def of(cls, model_class: type[Model], settings: Mapping[str, object], image: ImageSpec) -> "ModelSubject":
        """A subject.

        Raises:
            UserError: a setting is wrong.
        """
        pictures = Squares(image)
        pictures.load()
        return cls(model_class, parse(model_class.Config, settings, model_class.__name__), pictures)

    def model(self) -> Model:
        """A new model, always the same."""
        return build(self.model_class, self.config, self.pictures.image, Rng(0)).train()

    def engine(self, kind: str = "eager", notes: list[str] | None = None) -> EagerStepper:
        """A stepper at step 0, always the same; `notes` collects its messages."""
        model = self.model()
        batches = Batches(self.pictures, BATCH, seed=0, pairs=model.pairs())
        told: list[str] = [] if notes is None else notes
        return make_stepper(kind, model, batches, Rng(1), Rng(2), "float32", told.append)

    @cached_property
    def fleet(self) -> EngineComparison:
        """Compare three trials of the model in a fleet with the same three alone."""
        return compare_fleet(self.model_class, self.config.values(), self.pictures, steps=STEPS, double=False)

    def inputs(self, model: Model, step: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
        """A batch of pictures, of pairs where the model learns from them, and the draws and schedule of a step."""
        indices = torch.arange(BATCH) * (len(self.pictures) // BATCH)
        known: dict[str, Tensor] = {}
        if pairs := model.pairs():
            indices, known = Batches(self.pictures, BATCH // 2, seed=0, pairs=pairs).next_order()
        schedule = {name: torch.tensor(value) for name, value in schedule_of(model, step).items()}
        return self.pictures.images(indices), {**draws_of(model, BATCH, Rng(3)), **schedule, **known}


def take_steps(engine: EagerStepper, start: int, end: int) -> None:
    """Train from step `start` to `end`; losses must stay finite and global generators unused.

    Raises:
        CheckFailed: a loss is not finite, or a global generator was used.
    """
    for step in range(start, end):
        losses = unmoved(engine.step, step)
        bad = [name for name, value in losses.items() if not value.isfinite()]
        if bad:
            raise CheckFailed(f"{', '.join(bad)} is not finite at step {step}: start from smaller numbers")
