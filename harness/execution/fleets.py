"""Which trials are trained together: those that differ in seeds and in numbers that losses read."""

import json
import math
from collections.abc import Hashable, Sequence

import torch

from harness.config import parse
from harness.errors import UserError
from harness.plugins import Registry
from harness.training.structure import structure
from harness.trial import Trial

DEFAULT_SIZE = 8


def settle_engine(engine: str, fleet: int | None) -> tuple[str, int]:
    """What trains: "eager", "compiled" or "graph"; and how many trials a fleet has at most, 1 for no fleets.

    Args:
        engine: "auto" (a fleet if its size is given, else eager), "eager", "compiled", "graph" or "fleet".
        fleet: trials of a fleet; None for the default.

    Raises:
        UserError: the two do not go together.
    """
    if engine in ("auto", "fleet"):
        return "eager", fleet or (1 if engine == "auto" else DEFAULT_SIZE)
    if engine != "graph" and (fleet or 1) > 1:
        raise UserError(f"--fleet {fleet}: it does not go with --engine {engine}, which trains trials one by one")
    return engine, fleet or 1


def form_fleets(trials: Sequence[Trial], registry: Registry, size: int) -> list[list[Trial]]:
    """All trials in fleets of at most `size`, as even as can be.

    The trials of a fleet share the dataset, the training settings and the structure of their models. Which trials
    these are does not depend on what is done already, so that a resumed fleet computes what it would have.
    """
    if size == 1:
        return [[trial] for trial in trials]
    models: dict[str, Hashable] = {}
    alike: dict[Hashable, list[Trial]] = {}
    for trial in trials:
        model = trial.dataset.key + trial.model.key
        if model not in models:
            models[model] = _structure(trial, registry)
        shared = (trial.dataset.key, json.dumps(trial.training, sort_keys=True), models[model])
        alike.setdefault(shared, []).append(trial)
    return [fleet for group in alike.values() for fleet in _split(group, size)]


def _structure(trial: Trial, registry: Registry) -> Hashable:
    """The structure of the trial's model; one that cannot be told is unlike any other."""
    dataset_class = registry.find("datasets", trial.dataset.name).load()
    dataset = dataset_class(parse(dataset_class.Config, trial.dataset.config, "dataset"))
    model_class = registry.find("models", trial.model.name).load()
    try:
        with torch.device("meta"):  # Shapes without memory.
            model = model_class(parse(model_class.Config, trial.model.config, trial.label), dataset.image)
            return trial.model.version, structure(model)
    except Exception:  # The model's own; it will be reported when the trial runs.
        return trial.id


def _split(group: Sequence[Trial], size: int) -> list[list[Trial]]:
    fleets = math.ceil(len(group) / size)
    return [list(group[len(group) * i // fleets : len(group) * (i + 1) // fleets]) for i in range(fleets)]
