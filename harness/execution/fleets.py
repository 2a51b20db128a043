"""Which trials are trained together: those that differ in seeds and in numbers that losses read."""

import math
from collections.abc import Callable, Hashable, Sequence

from harness.model import outline
from harness.registry import Registry
from harness.rng import Rng
from harness.suite.build import build_dataset, build_model
from harness.suite.resolve import resolve_class
from harness.suite.trial import Trial, by_training
from harness.training.engines.signature import signature_of
from harness.training.memory import training_bytes

LARGEST_SIZE = 64
"""Beyond this a fleet is not worth waiting for: all of its trials end at the same time."""

USED_SHARE = 0.8
"""Share of the free memory that fleets are planned for: kernels and the allocator need some too."""


def most_that_fit(trial: Trial, registry: Registry, memory: int) -> int:
    """How many trials like this one can be trained together in so many bytes of a GPU's free memory."""
    try:
        image = build_dataset(registry, trial.dataset).image
        model = build_model(registry, trial.model, image, Rng(0), trial.label)
        last = max(0, trial.training.steps - 1)
        each = training_bytes(model, image, trial.training.batch_size, sorted({0, last}))
    except Exception:  # The model's own; it will be reported when the trial runs.
        return 1
    return min(LARGEST_SIZE, max(1, int(USED_SHARE * memory) // each))


def form_fleets(trials: Sequence[Trial], registry: Registry, size: int | Callable[[Trial], int]) -> list[list[Trial]]:
    """All trials in fleets of at most `size` trainings, as even as can be.

    Trials that are states of one training, after so many steps each, are in one fleet and count once.

    The trials of a fleet share the dataset, the training settings and the structure of their models. Which trials
    these are does not depend on what is done already, so that a resumed fleet computes what it would have.

    Args:
        trials: all of a suite.
        registry: where datasets and models are found.
        size: how many, at most; or a function that says how many trials like a given one.
    """
    states = {training[-1].id: training for training in by_training(trials)}
    trials = [trial for trial in trials if trial.id in states]
    if size == 1:
        return [states[trial.id] for trial in trials]
    models: dict[str, Hashable] = {}
    alike: dict[Hashable, list[Trial]] = {}
    for trial in trials:
        model = trial.dataset.key + trial.model.key
        if model not in models:
            models[model] = _structure(trial, registry)
        shared = (trial.dataset.key, trial.training, models[model])
        alike.setdefault(shared, []).append(trial)
    sizes = [size if isinstance(size, int) else size(group[0]) for group in alike.values()]
    fleets = [fleet for group, most in zip(alike.values(), sizes, strict=True) for fleet in _split(group, most)]
    return [[state for trial in fleet for state in states[trial.id]] for fleet in fleets]


def _structure(trial: Trial, registry: Registry) -> Hashable:
    """The structure of the trial's model; one that cannot be told is unlike any other."""
    image = build_dataset(registry, trial.dataset).image
    model_class, config = resolve_class(registry, "models", trial.model, trial.label)
    try:
        return trial.model.version, signature_of(outline(model_class, config, image))
    except Exception:  # The model's own; it will be reported when the trial runs.
        return trial.id


def _split(group: Sequence[Trial], size: int) -> list[list[Trial]]:
    fleets = math.ceil(len(group) / size)
    return [list(group[len(group) * i // fleets : len(group) * (i + 1) // fleets]) for i in range(fleets)]
