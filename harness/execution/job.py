"""Jobs: what a worker process is told, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from harness.trial import Choice, Trial

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
    "graph".
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
