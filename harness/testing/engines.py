"""Whether a model trains alike by every engine."""

from collections.abc import Sequence
from functools import partial

import torch

from harness.testing.check import advise, require
from harness.testing.comparison import compare_engine
from harness.testing.fake_cuda_graph import FakeCudaCapture
from harness.testing.model_subject import STEPS, ModelSubject
from harness.training.engines.cuda_graphs import WARM_UP
from harness.training.engines.graph import GraphStepper
from harness.training.engines.vmapped_calls import CallNote


def trains_in_a_fleet_as_alone(subject: ModelSubject) -> None:
    """In a fleet, beside other seeds and weights, it trains as it does alone."""
    found = subject.fleet
    far = _far(found.apart, found.rounding)
    if _far(found.first, found.rounding) or not found.varied:
        where = "in a fleet"
        change = (
            "let a loss be a function of parameters, buffers, images and draws, keep nothing between calls elsewhere, "
            "and draw what is random one by one for each image"
        )
    else:
        where = f"in a fleet whose members differ in {', '.join(found.varied)}"
        change = (
            "let losses read settings from `self.config`, and keep all else that they use in parameters and buffers"
        )
    require(not far, f"{where}, losses differ by {max(far, default=0):.1g} from those alone: {change}")


def is_computed_for_a_fleet_at_once(subject: ModelSubject) -> None:
    """A fleet computes its losses for all members at once (torch.func.vmap)."""
    for note in subject.fleet.notes:
        if not isinstance(note, CallNote):
            advise(f"{note}: keep what is another for each seed in parameters and buffers")
    # Later notes about a method replace earlier ones.
    last = {note.method: note for note in subject.fleet.notes if isinstance(note, CallNote)}
    for note in last.values():
        advise(f"{note}: a fleet of it gains little; avoid what vmap cannot do, such as `if` on a tensor and `.item()`")


def trains_recorded_as_eager(subject: ModelSubject) -> None:
    """With its steps recorded, as CUDA graphs record them, it trains as it does without."""
    make = partial(GraphStepper, capture=FakeCudaCapture())
    found = compare_engine(
        make, subject.model_class, subject.config.values(), subject.pictures, steps=2 * WARM_UP + 1, double=False
    )
    far = _far(found.apart, found.rounding)
    require(
        not far,
        f"when steps are recorded, losses differ by {max(far, default=0):.1g} from those without: let losses take what "
        "changes from step to step from their draws, where `schedule` puts it, and from parameters and buffers",
    )
    for note in found.notes:
        advise(f"{note}: a GPU trains it more slowly; avoid what makes it wait, such as `.item()` and `torch.tensor`")


def trains_compiled_as_eager(subject: ModelSubject) -> None:
    """Compiled by torch.compile, it trains as it does without."""
    notes: list[str] = []
    eager, compiled = subject.engine(), subject.engine("compiled", notes)
    for step in range(STEPS + 1):
        expected, found = eager.step(step), compiled.step(step)
        for name, value in expected.items():
            require(
                torch.allclose(found[name], value, rtol=1e-3, atol=1e-3),
                f"compiled, {name} is {found[name].item():.6g} and not {value.item():.6g} at step {step}: let the loss "
                "depend on its arguments, parameters, buffers and `self.config` alone",
            )
    for note in notes:
        advise(f"{note}; it is called as it is")


def _far(distances: Sequence[float], rounding: Sequence[float]) -> list[float]:
    """Distances that rounding does not explain; one that is no number is explained by nothing."""
    return [apart for apart, own in zip(distances, rounding, strict=True) if not apart <= 1e-4 + 1e3 * own]


ENGINE_CHECKS = (trains_in_a_fleet_as_alone, is_computed_for_a_fleet_at_once, trains_recorded_as_eager)
