"""What work under way reports: how far it is, and what people should be told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Progress:
    """How far a trial is, or a comparison of models.

    Attributes:
        step: steps of the training that are done; of a comparison, selectors that are done.
        steps: how many there are.
        images_per_second: speed of the training; None until it is known.
        seconds_left: what the training may still take, s; None until it is known.
        losses: the latest terms, by "OBJECTIVE/TERM".
        stage: "training", or the metric or selector at work.
        share: of a stage that is no training, how much is done, from 0 to 1.
    """

    step: int
    steps: int
    images_per_second: float | None = None
    seconds_left: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    stage: str = "training"
    share: float = 0.0


@dataclass(frozen=True)
class Note:
    """Something that people should know and that is as it should be, such as why an engine takes a slower way."""

    text: str


@dataclass(frozen=True)
class Alert:
    """Something wrong that the work goes on without, such as a damaged checkpoint that was set aside."""

    text: str


Event: TypeAlias = Progress | Note | Alert
