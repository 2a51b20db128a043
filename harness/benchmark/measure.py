"""The speed at which an engine trains a model."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter
from typing import Any

import torch

from harness.benchmark.cost import Cost, cost_of
from harness.benchmark.device import Ceilings, ceilings, energy, forget_peak, peak_memory, synchronise
from harness.dataset import Dataset
from harness.registry import Registry
from harness.results.provenance import provenance
from harness.rng import Rng
from harness.storage.records import now
from harness.suite.build import build_model, load_dataset
from harness.suite.resolve import resolve_choice
from harness.suite.trial import Choice
from harness.training.batches import Batches
from harness.training.engines.base import Engine, make_engine, make_stepper
from harness.training.engines.eager import EagerStepper
from harness.training.precision import products

WARM_UP = (3, 10)
"""Steps before the clock starts, fewest and most: the most are enough for an engine to compile and to record every kind
of step of most models."""

PATIENCE = 30.0
"""Seconds that the remaining steps before the clock starts, and those after, may take; beyond that there are fewer."""

ROUNDS = 5
"""Stretches of equal length that the measured steps are divided into; the median one counts."""


@dataclass(frozen=True)
class Case:
    """One benchmark: what is trained, and how.

    Attributes:
        model: a registered model, and its `settings`.
        dataset: a registered dataset, and its `dataset_settings`.
        batch_size: images per batch.
        engine: "eager", "compiled" or "graph".
        fleet: trials, which differ in their seeds; several are trained as one.
        precision: "float32", "tf32" or "bfloat16".
    """

    model: str
    dataset: str
    batch_size: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    dataset_settings: Mapping[str, Any] = field(default_factory=dict)
    engine: str = "eager"
    fleet: int = 1
    precision: str = "float32"


def measure(
    case: Case, registry: Registry, device: torch.device, steps: int, note: Callable[[str], None]
) -> dict[str, Any]:
    """Measure one case.

    Args:
        case: what is trained, and how.
        registry: where its model and dataset are found.
        device: where it is trained.
        steps: how many are timed, after a few that are not; fewer where they would take more than `PATIENCE`.
        note: told why an engine does something eagerly.

    Returns:
        A row of the table of benchmarks, see `harness.results.schema`.

    Raises:
        UserError: a name or setting is wrong, or files are missing.
    """
    images = load_images(case, registry, device)
    with products(case.precision):
        limits = ceilings(device, case.precision)
        cost = cost_of(make_one(replace(case, engine="eager"), registry, images, 0, note))
        members = [make_one(case, registry, images, seed, note) for seed in range(case.fleet)]
        timed = _time(make_engine(members, note, case.engine), steps, device)
    return {
        **description(case, registry, device),
        "image": str(images.image),
        "engine": case.engine,
        "fleet": case.fleet,
        **_figures(case, cost, limits, timed),
    }


def description(case: Case, registry: Registry, device: torch.device) -> dict[str, Any]:
    """The columns that every table of benchmarks has: what was measured, where and when.

    Raises:
        UserError: a name or setting is wrong.
    """
    facts = provenance(device.type)
    return {
        "model": case.model,
        "hyperparameters": json.dumps(dict(_model(case, registry).config)),
        "dataset": case.dataset,
        "dataset_settings": json.dumps(dict(_dataset(case, registry).config)),
        "batch_size": case.batch_size,
        "precision": case.precision,
        "device": str(facts["device"]),
        "threads": int(facts["threads"]),
        "torch_version": str(facts["torch"]),
        "harness_version": str(facts["disentanglement-harness"]),
        "git_commit": str(facts["git_commit"]),
        "measured_at": now(),
    }


def _model(case: Case, registry: Registry) -> Choice:
    return resolve_choice(registry, "models", case.model, case.settings, "model")


def _dataset(case: Case, registry: Registry) -> Choice:
    return resolve_choice(registry, "datasets", case.dataset, case.dataset_settings, "dataset")


def load_images(case: Case, registry: Registry, device: torch.device) -> Dataset:
    """Load the dataset of a case.

    Raises:
        UserError: a name or setting is wrong, or files are missing.
    """
    return load_dataset(registry, _dataset(case, registry), str(device))


def make_one(case: Case, registry: Registry, images: Dataset, seed: int, note: Callable[[str], None]) -> EagerStepper:
    """Make the stepper of one trial of a case: its engine's, or the eager one if it will be part of a fleet."""
    model = build_model(registry, _model(case, registry), images.image, Rng.for_initial(seed), "model").to(
        images.device
    )
    batches = Batches(images, case.batch_size, seed, pairs=model.pairs())
    draws, resets = Rng.for_draws(seed, images.device), Rng.for_resets(seed)
    engine = "eager" if case.fleet > 1 else case.engine
    return make_stepper(engine, model.train(), batches, draws, resets, case.precision, note)


@dataclass(frozen=True)
class _Timed:
    """The measurements of an engine.

    Attributes:
        seconds: mean duration of a step in each round, s.
        start_seconds: what the first steps took beyond that, s.
        peak_bytes: peak memory.
        joules: energy of a step; None if unknown.
    """

    seconds: list[float]
    start_seconds: float
    peak_bytes: int
    joules: float | None


def _time(engine: Engine, steps: int, device: torch.device) -> _Timed:
    done = 0

    def run(count: int) -> float:
        nonlocal done
        synchronise(device)
        started = perf_counter()
        for _ in range(count):
            engine.step([done] * len(engine.members))
            done += 1
        synchronise(device)
        for error in engine.failures.values():
            raise error
        return perf_counter() - started

    fewest, most = WARM_UP
    first = [run(1) for _ in range(fewest)]
    while len(first) < most and first[-1] * (most - len(first)) < PATIENCE:
        first.append(run(1))
    forget_peak(device)
    joules = energy(device)
    each = max(1, min(steps, int(PATIENCE / first[-1])) // ROUNDS)
    seconds = [run(each) / each for _ in range(ROUNDS)]
    after = energy(device)
    used = None if joules is None or after is None else (after - joules) / (each * ROUNDS)
    return _Timed(seconds, max(0.0, sum(first) - len(first) * median(seconds)), peak_memory(device), used)


def _figures(case: Case, cost: Cost, limits: Ceilings, timed: _Timed) -> dict[str, Any]:
    """The columns of a row that hold measured numbers."""
    seconds = median(timed.seconds)
    model_steps = case.fleet / seconds
    flop_per_second, bytes_per_second = cost.flop * model_steps, cost.bytes * model_steps
    return {
        "steps_per_second": 1 / seconds,
        "model_steps_per_second": model_steps,
        "images_per_second": case.batch_size * model_steps,
        "slowest_steps_per_second": 1 / max(timed.seconds),
        "fastest_steps_per_second": 1 / min(timed.seconds),
        "start_seconds": timed.start_seconds,
        "peak_bytes": timed.peak_bytes,
        "flop_per_model_step": cost.flop,
        "flop_per_second": flop_per_second,
        "flop_ceiling": limits.flop_per_second,
        "flop_fraction": flop_per_second / limits.flop_per_second,
        "bytes_per_model_step": cost.bytes,
        "bytes_per_second": bytes_per_second,
        "bytes_ceiling": limits.bytes_per_second,
        "bytes_fraction": bytes_per_second / limits.bytes_per_second,
        "joules_per_model_step": None if timed.joules is None else timed.joules / case.fleet,
    }
