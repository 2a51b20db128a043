"""What a run and its worker processes tell each other: jobs, stop requests, exit codes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import FrameType
from typing import Any, Self

from harness.suite.trial import Choice, Trial

CHECKPOINT_SECONDS = 30.0
"""Time between two checkpoints of a trial, unless told otherwise."""


@dataclass(frozen=True)
class Placement:
    """Where a worker computes.

    Attributes:
        device: "cpu" or "cuda".
        threads: CPU threads the worker may use.
        gpu: the entry for CUDA_VISIBLE_DEVICES; "" on the CPU.
    """

    device: str = "cpu"
    threads: int = 1
    gpu: str = ""


@dataclass(frozen=True)
class TrialJob:
    """Train trials as far as needed and score each with those metrics it has no score of.

    Several trials are a fleet: they share a dataset and are trained together. `engine` is "eager", "compiled" or
    "graph". `halved` marks what is left of a fleet that ran out of memory. `planned` says of trials that have ended
    before, but are to be tried again, when they had.
    """

    trials: Sequence[Trial]
    folder: str
    metrics: Sequence[Choice]
    evaluation_seed: int
    plugins: Sequence[str] = ()
    blocked: Sequence[str] = ()
    engine: str = "eager"
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    placement: Placement = field(default_factory=Placement)
    halved: bool = False
    planned: Mapping[str, str] = field(default_factory=dict)

    @property
    def divisible(self) -> bool:
        """Whether it is a fleet that may be tried again as two halves."""
        return len(self.trials) > 1 and not self.halved

    def halves(self, trials: Sequence[Trial]) -> list[Self]:
        """Some of the trials, in fleets of half the size."""
        half = (len(self.trials) + 1) // 2
        parts = (trials[:half], trials[half:])
        return [replace(self, trials=part, halved=True) for part in parts if part]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "trial", **asdict(self), "trials": [trial.to_json() for trial in self.trials]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of `to_json`."""
        return cls(
            [Trial.from_json(trial) for trial in data["trials"]],
            data["folder"],
            [Choice(**metric) for metric in data["metrics"]],
            data["evaluation_seed"],
            data["plugins"],
            data["blocked"],
            data["engine"],
            data["checkpoint_seconds"],
            Placement(**data["placement"]),
            data["halved"],
            data["planned"],
        )


@dataclass(frozen=True)
class CompareJob:
    """Let selectors compare the models of finished trials."""

    trials: Sequence[Trial]
    folder: str
    selectors: Sequence[Choice]
    evaluation_seed: int
    plugins: Sequence[str] = ()
    blocked: Sequence[str] = ()
    placement: Placement = field(default_factory=Placement)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "compare", **asdict(self), "trials": [trial.to_json() for trial in self.trials]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of `to_json`."""
        return cls(
            [Trial.from_json(trial) for trial in data["trials"]],
            data["folder"],
            [Choice(**selector) for selector in data["selectors"]],
            data["evaluation_seed"],
            data["plugins"],
            data["blocked"],
            Placement(**data["placement"]),
        )


Job = TrialJob | CompareJob


INTERRUPTED = 3
"""Exit code of a worker that was asked to stop and did."""


OUT_OF_MEMORY = 4
"""Exit code of a worker whose fleet ran out of memory; trials without a result are to be tried in smaller fleets."""


class StopNow(BaseException):
    """The worker was asked to stop and has nothing to save."""


class StopRequest:
    """Whether the parent has asked the worker to stop.

    While `polite` the work asks for itself, at a moment when it can save; otherwise the request
    interrupts it.
    """

    def __init__(self) -> None:
        self.polite = False
        self.requested = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.requested

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        self.requested = True
        if not self.polite:
            raise StopNow


ORDER = b"fork"
"""What is sent beside the files; that nothing is would mean that the parent has ended."""
