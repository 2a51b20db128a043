"""How a trial ended: its outcome and a record for every metric."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, Self

from harness.suite.trial import Choice, checked


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
    files: dict[str, str] = field(default_factory=dict)
    """Digests of the files that the settings name, by path."""

    @property
    def choice(self) -> Choice:
        """The metric, as it scored."""
        return Choice(self.metric, self.settings, self.version, self.files)


@dataclass(frozen=True)
class Result:
    """How a trial ended, and its scores."""

    trial: str
    outcome: Outcome
    reason: str = ""
    traceback: str = ""
    seconds: float = 0.0
    finished_at: str = ""
    scores: tuple[ScoreRecord, ...] = ()
    """One record per metric."""
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        """Everything that went wrong, in a line each; empty for a good result."""
        own = [] if self.outcome is Outcome.FINISHED else [f"{self.outcome}: {self.reason}"]
        return own + [f"{score.metric}: {score.reason}" for score in self.scores if score.status == "failed"]

    def to_json(self) -> dict[str, Any]:
        """Turn the result into the plain data that `result.json` holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: something in the data is missing or of another type.
        """
        result: Self = checked(cls, data)
        if any(record.status == "ok" and not _is_number(record.score) for record in result.scores):
            raise ValueError("a score that is ok is a number")
        return result


def _is_number(score: float | None) -> bool:
    return score is not None and math.isfinite(score)
