"""Engines, which step one or several trials; each trial is a stepper's. All give the eager numbers, up to rounding."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from harness.model import Model
from harness.nn.doubles import to_double
from harness.rng import Rng
from harness.training.batches import Batches
from harness.training.engines.compiled import CompiledStepper
from harness.training.engines.cuda_graphs import CudaCapture
from harness.training.engines.eager import EagerStepper
from harness.training.engines.fleet import FleetEngine
from harness.training.engines.graph import GraphStepper


class Engine(Protocol):
    """Steps one or several trials, each with a step count of its own.

    Attributes:
        members: the trials; `state` and `restore` of each are those of an eager engine.
        failures: the errors of members, by position; such a member has to leave.
    """

    members: list[EagerStepper]
    failures: dict[int, Exception]

    def step(self, steps: Sequence[int]) -> None:
        """Do one training step of every member."""

    def losses(self) -> list[dict[str, float]]:
        """Each member's terms of the last step, "objective/term"; waits for the device."""

    def leave(self, positions: Sequence[int]) -> None:
        """Take members out; those behind them move up."""


class SingleEngine:
    """Adapts the stepper of one trial to the Engine protocol."""

    def __init__(self, member: EagerStepper) -> None:
        self.members = [member]
        self.failures: dict[int, Exception] = {}
        self._losses: dict[str, Tensor] = {}

    def step(self, steps: Sequence[int]) -> None:
        """Do one training step."""
        try:
            self._losses = self.members[0].step(steps[0])
        except Exception as error:  # A model may raise anything.
            self.failures[0] = error

    def losses(self) -> list[dict[str, float]]:
        """The terms of the last step."""
        numbers = torch.stack([to_double(value) for value in self._losses.values()]).tolist() if self._losses else []
        return [dict(zip(self._losses, numbers, strict=True))]

    def leave(self, positions: Sequence[int]) -> None:
        """Drop the only member."""
        self.members, self.failures = [], {}


def make_stepper(
    engine: str, model: Model, batches: Batches, draws: Rng, resets: Rng, precision: str, note: Callable[[str], None]
) -> EagerStepper:
    """One trial at its beginning, as it is trained alone.

    Args:
        engine: "eager", "compiled" or "graph".
        model: in training mode.
        batches: its stream of images.
        draws: the generator handed to `Model.draw`, on the model's device.
        resets: the generator that re-initialises networks, on the CPU.
        precision: "float32", "tf32" or "bfloat16".
        note: told why something is done eagerly all the same.
    """
    if engine == "compiled":
        return CompiledStepper(model, batches, draws, resets, precision, note)
    if engine == "graph":
        return GraphStepper(model, batches, draws, resets, precision, note)
    return EagerStepper(model, batches, draws, resets, precision)


def make_engine(
    members: Sequence[EagerStepper], note: Callable[[str], None], engine: str = "eager", *, fleet: bool = False
) -> Engine:
    """What steps these trials; several of them as a fleet.

    Args:
        members: of equal signature and precision; those of a fleet are eager.
        note: told why a fleet does something one by one.
        engine: what a fleet's steps are: "eager", "compiled", or with "graph" recorded.
        fleet: whether one trial is a fleet too: the rest of one.
    """
    if len(members) == 1 and not fleet:
        return SingleEngine(members[0])
    return FleetEngine(members, note, CudaCapture() if engine == "graph" else None, compiled=engine == "compiled")
