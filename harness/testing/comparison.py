"""Does a model train in a fleet, or by another engine, as it does alone by the eager one?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor

from harness.config import Settings, parse
from harness.dataset import Dataset
from harness.errors import UserError
from harness.model import Model, build, outline
from harness.rng import Rng
from harness.training.batches import Batches
from harness.training.engines.base import Engine, SingleEngine
from harness.training.engines.cuda_graphs import Capture
from harness.training.engines.eager import EagerStepper
from harness.training.engines.fleet import FleetEngine
from harness.training.engines.signature import signature_of

BATCH = 4
"""Images per batch."""


class DoubleRng(Rng):
    """A generator of the same numbers in double precision."""

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers."""
        return super().normal(*shape).double()

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draw uniform numbers in [low, high)."""
        return super().uniform(*shape, low=low, high=high).double()


class DoubleBatches(Batches):
    """A stream of the same images in double precision."""

    def gather(self, indices: Tensor) -> Tensor:
        """The images of a batch."""
        return super().gather(indices).double()


@dataclass(frozen=True)
class EngineComparison:
    """How far training by an engine or in a fleet differs from training alone by the eager engine.

    A distance is the largest difference of any loss term, relative to the term where it is larger than 1. Losses are
    compared and not parameters, because some parameters have no effect, such as a bias before batch normalisation:
    their gradients are nothing but rounding.

    Attributes:
        apart: by step, the distance of the trials from the same trials alone.
        rounding: by step, the distance between trials alone whose initial parameters differ in the last bits. It shows
            how far rounding alone drives equal trainings apart.
        notes: what was not computed together, or not as the engine does it, and why.
        varied: the settings in which the members of a fleet differ.
        first: by step, the distance of the first trial, which has the settings that were given, from itself alone.
    """

    apart: list[float]
    rounding: list[float]
    notes: list[str]
    varied: list[str]
    first: list[float] = field(default_factory=list)


Make: TypeAlias = Callable[[Model, Batches, Rng, Rng, str, Callable[[str], None]], EagerStepper]
"""Makes one trial at its beginning from the arguments of `GraphStepper`, as some engine trains it."""


def compare_engine(
    make: Make,
    model_class: type[Model],
    settings: Mapping[str, Any],
    dataset: Dataset,
    *,
    steps: int,
    double: bool = True,
) -> EngineComparison:
    """Train a model by some engine and by the eager one.

    Args:
        make: the engine's class.
        model_class: the model.
        settings: make it small, and switch on within a few steps what switches on late.
        dataset: loaded, on the device where to train.
        steps: how many.
        double: in double precision, so that rounding hides nothing; the model's own code must let it.

    Raises:
        Exception: whatever training one of them raises.
    """
    config = parse(model_class.Config, settings, model_class.__name__)
    found = EngineComparison([], [], [], [])
    alone, rounded = (_engine(model_class, config, dataset, 0, double) for _ in range(2))
    _round_otherwise(rounded)
    begun = _engine(model_class, config, dataset, 0, double)
    other = make(begun.model, begun.batches, begun.draws, begun.resets, begun.precision, found.notes.append)
    for step in range(steps):
        expected = [_read(alone.step(step))]
        found.apart.append(_distance(expected, [_read(other.step(step))]))
        found.rounding.append(_distance(expected, [_read(rounded.step(step))]))
    return found


def compare_fleet(
    model_class: type[Model],
    settings: Mapping[str, Any],
    dataset: Dataset,
    *,
    steps: int,
    double: bool = True,
    capture: Capture | None = None,
    compiled: bool = False,
) -> EngineComparison:
    """Train three models in a fleet and alone.

    They differ in their seeds, in every float setting that leaves their structure alone, and in the step at
    which they begin.

    Args:
        model_class: the model.
        settings: make it small, and switch on within a few steps what switches on late.
        dataset: loaded, on the device where to train.
        steps: how many.
        double: in double precision, so that rounding hides nothing; the model's own code must let it.
        capture: records the fleet's steps.
        compiled: whether the fleet's losses are compiled.

    Raises:
        Exception: whatever training one of them raises.
    """
    configs = varied(model_class, parse(model_class.Config, settings, model_class.__name__), dataset)

    def engines() -> list[EagerStepper]:
        return [_engine(model_class, config, dataset, seed, double) for seed, config in enumerate(configs)]

    alone, members, rounded = engines(), engines(), engines()
    for engine in rounded:
        _round_otherwise(engine)
    notes: list[str] = []
    fleets = _fleets(members, notes.append, capture, compiled=compiled)
    found = EngineComparison([], [], notes, _changed(configs))
    for step in range(steps):
        at = [step, step, step + 2]
        expected = [_read(engine.step(own_step)) for engine, own_step in zip(alone, at, strict=True)]
        losses: list[dict[str, float]] = [{} for _ in members]
        for positions, fleet in fleets:
            fleet.step([at[position] for position in positions])
            for error in fleet.failures.values():
                raise error
            for position, its in zip(positions, fleet.losses(), strict=True):
                losses[position] = its
        found.apart.append(_distance(expected, losses))
        found.first.append(_distance(expected[:1], losses[:1]))
        others = [_read(engine.step(own_step)) for engine, own_step in zip(rounded, at, strict=True)]
        found.rounding.append(_distance(expected, others))
    return found


def _fleets(
    members: Sequence[EagerStepper], note: Callable[[str], None], capture: Capture | None, *, compiled: bool
) -> list[tuple[list[int], Engine]]:
    """The members as runs train them: those of equal structure in a fleet, one that is like no other by itself.

    Returns:
        The positions of the members of each, and what steps them.
    """
    groups: dict[object, list[int]] = {}
    for position, member in enumerate(members):
        groups.setdefault(signature_of(member.model), []).append(position)
    if len(groups) == len(members):
        note("each seed's model holds something else beside its parameters and buffers, so that there are no fleets")
    return [
        (
            positions,
            FleetEngine([members[position] for position in positions], note, capture, compiled=compiled)
            if len(positions) > 1
            else SingleEngine(members[positions[0]]),
        )
        for positions in groups.values()
    ]


def varied(model_class: type[Model], config: Settings, dataset: Dataset) -> list[Settings]:
    """A configuration, and two others with each number a little smaller or larger where the structure allows it."""
    return [config, *(_vary(model_class, config, dataset, factor) for factor in (0.9, 1.1))]


def _changed(configs: Sequence[Settings]) -> list[str]:
    first = configs[0].values()
    return [name for name in first if any(config.values()[name] != first[name] for config in configs)]


def _vary(model_class: type[Model], config: Settings, dataset: Dataset, factor: float) -> Settings:
    kept = signature_of(outline(model_class, config, dataset.image))
    for name, value in config.values().items():
        if not isinstance(value, float):
            continue
        try:
            other = parse(model_class.Config, {**config.values(), name: factor * value}, name)
            same = signature_of(outline(model_class, other, dataset.image)) == kept
        except UserError:  # Out of its range.
            continue
        if same:
            config = other
    return config


def _engine(model_class: type[Model], config: Settings, dataset: Dataset, seed: int, double: bool) -> EagerStepper:
    model = build(model_class, config, dataset.image, Rng.for_initial(seed)).to(dataset.device).train()
    batches = (DoubleBatches if double else Batches)(dataset, BATCH, seed, pairs=model.pairs())
    draws = (DoubleRng if double else Rng).for_draws(seed, dataset.device)
    return EagerStepper(model.double() if double else model, batches, draws=draws, resets=Rng.for_resets(seed))


@torch.no_grad()
def _round_otherwise(engine: EagerStepper) -> None:
    """Change each number of a model's parameters in its last bits, up or down by chance."""
    rng = Rng.of("rounding")
    for parameter in engine.model.parameters():
        signs = (rng.integers(*parameter.shape, high=2) * 2 - 1).to(parameter)
        parameter.mul_(1 + 8 * torch.finfo(parameter.dtype).eps * signs)


def _read(losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: value.item() for name, value in losses.items()}


def _distance(members: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]]) -> float:
    pairs = [(value, its[name]) for own, its in zip(members, others, strict=True) for name, value in own.items()]
    return max(abs(value - other) / max(1.0, abs(value)) for value, other in pairs)
