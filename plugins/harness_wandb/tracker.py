"""Runs of Weights & Biases."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness import Suite, Tracker, Trial, TrialTracker, UserError

try:
    import wandb
except ImportError:
    raise UserError(
        "WANDB_PROJECT is set, and wandb is not installed; do: pip install '.[wandb]' in the harness's checkout"
    ) from None


class WandbTrial(TrialTracker):
    """Writes one run."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Write losses at a step; scores also become the run's summary."""
        self._run.log(dict(numbers), step=step)

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Write a picture (H, W, 3)."""
        self._run.log({name: wandb.Image(pixels)}, step=step)

    def close(self, outcome: str) -> None:
        """End the run, as failed unless the trial was finished."""
        self._run.summary["outcome"] = outcome
        self._run.finish(exit_code=0 if outcome == "finished" else 1)


class WandbTracker(Tracker):
    """Writes a run for each trial, named by the trial's identity, so that a trial that goes on is the same run.

    Args:
        project: the project.
        suite: whose name the group has.
        folder: where files go that wandb keeps here; if it is at a URL they go below the working directory.
    """

    def __init__(self, project: str, suite: Suite, folder: Path) -> None:
        self._project = project
        self._group = suite.name
        self._folder = str(folder) if Path(str(folder)).is_dir() else None
        local = os.environ.get("WANDB_MODE") in ("offline", "disabled", "dryrun")
        if not local and not wandb.api.api_key:
            raise UserError("WANDB_PROJECT is set, and nobody is logged in: `wandb login`, or WANDB_MODE=offline")

    def trial(self, trial: Trial, settings: Mapping[str, Any]) -> TrialTracker:
        """Begin the run of a trial, or go on with it."""
        return WandbTrial(self._run(trial.id, trial.title, settings))

    def tables(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Write the leaderboard as a table of a run of its own."""
        run = self._run(None, "tables", {})
        run.log({"leaderboard": wandb.Table(dataframe=tables["leaderboard"])})
        run.finish()

    def _run(self, identity: str | None, name: str, settings: Mapping[str, Any]) -> Any:
        return wandb.init(
            project=self._project,
            group=self._group,
            id=identity,
            name=name,
            resume="allow" if identity else None,
            config=dict(settings),
            dir=self._folder,
            reinit="create_new",  # Trials that run side by side are runs side by side.
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, disable_git=True),
        )
