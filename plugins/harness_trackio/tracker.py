"""Runs of Trackio."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from contextvars import Context
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness import Tracker, Trial, TrialTracker, UserError

try:
    import trackio
except ImportError:
    raise UserError(
        "TRACKIO_PROJECT is set, and Trackio is not installed; do: pip install '.[trackio]' in the harness's checkout"
    ) from None


class TrackioTrial(TrialTracker):
    """Writes one run."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Write named numbers at a step."""
        self._run.log(dict(numbers), step=step)

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Write a picture (H, W, 3)."""
        self._run.log({name: trackio.Image(pixels)}, step=step)

    def close(self, outcome: str) -> None:
        """End the run; how the trial ended becomes its last row, because runs of Trackio have no state."""
        self._run.log({"outcome": outcome})
        _finish(self._run)


class TrackioTracker(Tracker):
    """Writes a run for each trial, named by its title and identity, so that a trial that goes on is the same run.

    Args:
        project: the project.
        group: the name of the group.
    """

    def __init__(self, project: str, group: str) -> None:
        self._project = project
        self._group = group

    def trial(self, trial: Trial, settings: Mapping[str, Any]) -> TrialTracker:
        """Begin the run of a trial, or go on with it."""
        return TrackioTrial(self._run(f"{trial.title} {trial.id}", settings))

    def tables(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Write the leaderboard as a table of a run of its own."""
        run = self._run(f"{self._group} tables", {})
        run.log({"leaderboard": trackio.Table(dataframe=tables["leaderboard"])})
        _finish(run)

    def _run(self, name: str, settings: Mapping[str, Any]) -> Any:
        def begin() -> Any:
            return trackio.init(
                self._project,
                name=name,
                group=self._group,
                config=dict(settings),
                resume="allow",
                embed=False,
                auto_log_cpu=False,
                auto_log_gpu=False,
            )

        with redirect_stdout(io.StringIO()):  # It tells of every run.
            # In a context of its own, because Trackio ends the run before it of the same context, and trials run side
            # by side.
            return Context().run(begin)


def _finish(run: Any) -> None:
    with redirect_stdout(io.StringIO()):
        run.finish()
