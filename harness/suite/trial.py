"""The identity of one trial, what it reports while it runs, and how it ended."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def digest(data: object, length: int = 12) -> str:
    """The first hexadecimal digits of the SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:length]


def checked(cls: type[T], data: object) -> T:
    """A dataclass from plain data, each field of which has the declared type.

    Raises:
        ValueError: a field is missing or of another type.
    """
    from pydantic import TypeAdapter

    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    made: T = _adapters[cls].validate_python(data)
    return made


_adapters: dict[type, "TypeAdapter[Any]"] = {}
"""Made once for each dataclass."""


@dataclass(frozen=True)
class Choice:
    """A registered thing by name, with every setting resolved and the version of its plugin."""

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""

    @property
    def key(self) -> str:
        """A short name of the content."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"name": self.name, "config": dict(self.config), "version": self.version}


@dataclass(frozen=True)
class Trial:
    """One model with one set of hyperparameters and one seed on one dataset.

    Plain data, so that it travels to any process. `label` and `swept` only name it for people.
    """

    dataset: Choice
    model: Choice
    training: Mapping[str, Any]
    seed: int
    label: str = ""
    swept: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """A hash of everything that decides the trial's numbers."""
        return digest([self.dataset.to_json(), self.model.to_json(), dict(self.training), self.seed])

    @property
    def held_out(self) -> int:
        """Images of the dataset that the trial does not train on; results of before there was a choice have none."""
        return int(self.training.get("held_out", 0))

    @property
    def precision(self) -> str:
        """How products are computed in training: "float32", "tf32" or "bfloat16"."""
        return str(self.training.get("precision", "float32"))

    @property
    def title(self) -> str:
        """The trial in words: label, swept settings and seed."""
        return " ".join([self.setting, f"seed={self.seed}"])

    @property
    def setting(self) -> str:
        """The trial without its seed, in words."""
        return " ".join([self.label, *(f"{name}={value}" for name, value in self.swept.items())])

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the identity beside it."""
        return {
            "id": self.id,
            "dataset": self.dataset.to_json(),
            "model": self.model.to_json(),
            "training": dict(self.training),
            "seed": self.seed,
            "label": self.label,
            "swept": dict(self.swept),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of `to_json`.

        Raises:
            ValueError: something in the data is missing or of another type.
        """
        trial: Self = checked(cls, data)
        if not all(type(trial.training.get(name)) is int for name in ("steps", "batch_size")):
            raise ValueError("a trial has numbers of steps and of images per batch")
        return trial


class Outcome(StrEnum):
    """How a trial ended. Only FINISHED trials have scores."""

    FINISHED = "finished"
    FAILED = "failed"
    """It raised an error; the traceback is recorded."""
    DIVERGED = "diverged"
    """A loss became infinite, not a number or absurdly large."""
    OUT_OF_MEMORY = "out-of-memory"
    TIMEOUT = "timeout"
    """It took longer than it was allowed to."""
    CRASHED = "crashed"
    """Its process died."""


@dataclass(frozen=True)
class Progress:
    """Where a running trial is.

    `images_per_second` is None until it is known; `losses` are the latest terms by name; `note` is something
    that people should be told once, `warning` something wrong that they should be.
    """

    step: int
    steps: int
    images_per_second: float | None = None
    seconds_left: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    stage: str = "training"
    note: str = ""
    warning: str = ""


@dataclass(frozen=True)
class ScoreRecord:
    """What became of one metric: a score, or the reason why there is none."""

    key: str
    metric: str
    settings: dict[str, Any]
    version: str
    higher_is_better: bool
    status: Literal["ok", "not-applicable", "failed"]
    score: float | None = None
    details: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    traceback: str = ""
    seconds: float = 0.0
    evaluation_seed: int = 0


@dataclass(frozen=True)
class Result:
    """How a trial ended, and its scores."""

    trial: str
    outcome: Outcome
    reason: str = ""
    traceback: str = ""
    seconds: float = 0.0
    finished_at: str = ""
    scores: tuple[Mapping[str, Any], ...] = ()
    """One record per metric, the fields of a `ScoreRecord`."""
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        """Everything that went wrong, in a line each; empty for a good result."""
        own = [] if self.outcome is Outcome.FINISHED else [f"{self.outcome}: {self.reason}"]
        return own + [f"{s['metric']}: {s['reason']}" for s in self.scores if s["status"] == "failed"]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: something in the data is missing or of another type.
        """
        scores = tuple(vars(checked(ScoreRecord, record)) for record in data["scores"])
        if any(record["status"] == "ok" and not math.isfinite(record["score"]) for record in scores):
            raise ValueError("a score that is ok is a number")
        result: Self = checked(cls, {**data, "outcome": Outcome(data["outcome"]), "scores": scores})
        return result
