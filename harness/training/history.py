"""The history of a trial: losses and speed, a row every so many steps."""

import math
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import pandas as pd

from harness.errors import DivergenceError
from harness.results.parquet import read_table, write_table

ROWS = 500
"""Rows that a whole training makes, about."""

DIVERGED = 1e9
"""A loss term of this size is no longer training anything; the terms of sound models stay under 1e6."""


class History:
    """Rows of losses, and the clock of the training.

    Args:
        steps: steps of the whole training, from which the interval between rows follows.
        batch_size: images per step.
    """

    def __init__(self, steps: int, batch_size: int) -> None:
        self.interval = max(1, steps // ROWS)
        self.batch_size = batch_size
        self.rows: list[dict[str, float]] = []
        self._seconds_before = 0.0
        self._started = monotonic()

    @property
    def seconds(self) -> float:
        """Training time so far, s, over all attempts."""
        return self._seconds_before + monotonic() - self._started

    @property
    def latest(self) -> Mapping[str, float]:
        """The last row; empty before the first."""
        return self.rows[-1] if self.rows else {}

    def due(self, done: int) -> bool:
        """Whether a row is to be recorded after `done` steps."""
        return done % self.interval == 0

    def record(self, done: int, losses: Mapping[str, float]) -> None:
        """Add a row.

        Raises:
            DivergenceError: a loss is not a usable number.
        """
        before = self.latest
        elapsed = self.seconds - before.get("seconds", 0.0)
        images = (done - before.get("step", 0)) * self.batch_size
        speed = images / elapsed if elapsed > 0 else math.nan
        self.rows.append({"step": done, "seconds": self.seconds, "images_per_second": speed, **losses})
        for name, value in losses.items():
            if not abs(value) < DIVERGED:
                raise DivergenceError(f"the loss term {name} is {value:g} at step {done}")

    def save(self, path: Path) -> None:
        """Write the rows as Parquet."""
        declared = {"step": pd.Series(dtype="int64"), "seconds": pd.Series(dtype=float)}
        empty = pd.DataFrame({**declared, "images_per_second": pd.Series(dtype=float)})
        write_table(path, "history", pd.DataFrame(self.rows) if self.rows else empty)

    def resume(self, path: Path, done: int, seconds: float) -> None:
        """Continue the rows in `path` after step `done`; later ones are forgotten.

        Args:
            path: where `save` wrote them; there may be none.
            done: steps done.
            seconds: what they took, s.

        Raises:
            DamagedFileError: the file is damaged.
        """
        try:
            rows = read_table(path).to_dict("records")
        except FileNotFoundError:
            rows = []
        self.rows = [{str(name): value for name, value in row.items()} for row in rows if row["step"] <= done]
        self._seconds_before = seconds
        self._started = monotonic()
