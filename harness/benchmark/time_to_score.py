"""Time to a score: how long training takes until a metric reaches a target."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from harness.benchmark.device import synchronise
from harness.benchmark.measure import Case, description, load_images, make_one
from harness.registry import Registry
from harness.scoring.model_evaluation import ModelEvaluation
from harness.suite.build import build_metric
from harness.suite.resolve import resolve_choice
from harness.training.precision import products


@dataclass(frozen=True)
class Race:
    """A case that is trained seed after seed until a metric reaches a target.

    Whether a model becomes disentangled depends on its seed, so the time counts until one seed succeeds.

    Attributes:
        case: what is trained, and how.
        metric: a registered metric.
        target: the score to reach.
        every: steps between scores.
        steps: steps after which the next seed begins, a multiple of `every`.
    """

    case: Case
    metric: str
    target: float
    every: int
    steps: int


def run_race(
    race: Race, registry: Registry, device: torch.device, limit: float, note: Callable[[str], None]
) -> dict[str, Any]:
    """Train until the target is reached, or for at most `limit` seconds.

    Returns:
        A row of the table of times to a score, see `harness.results.schema`.

    Raises:
        UserError: a name or setting is wrong, or files are missing.
    """
    images = load_images(race.case, registry, device)
    metric = build_metric(registry, resolve_choice(registry, "metrics", race.metric, {}, "metric"))
    seconds, steps, best = 0.0, 0, float("-inf")
    while best < race.target and seconds < limit:
        if steps % race.steps == 0:
            seed = steps // race.steps
            engine = make_one(race.case, registry, images, seed, note)
        started = perf_counter()
        with products(race.case.precision):
            for step in range(steps, steps + race.every):
                engine.step(step % race.steps)
            synchronise(device)
        seconds += perf_counter() - started
        steps += race.every
        score = metric.score(ModelEvaluation(engine.model, images)).value
        engine.model.train()  # Scoring has put it into inference mode.
        best = max(best, score)
        note(
            f"{race.case.model}, seed {seed}: {race.metric} {score:.3f} after {steps - seed * race.steps:,} steps; "
            f"{steps:,} steps and {seconds:.0f} s in all"
        )
    return {
        **description(race.case, registry, device),
        "metric": race.metric,
        "target": race.target,
        "seconds": seconds if best >= race.target else None,
        "steps": steps,
        "best": best,
    }
