"""What a running trial reports about itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """Where a running trial is.

    `images_per_second` is None until it is known; `losses` are the latest terms by name; `share`, of a stage that is
    no training, is what is done of it; `note` is something that people should be told once, `warning` something wrong
    that they should be.
    """

    step: int
    steps: int
    images_per_second: float | None = None
    seconds_left: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    stage: str = "training"
    share: float = 0.0
    note: str = ""
    warning: str = ""
