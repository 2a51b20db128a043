"""Runs of MLflow."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness import Tracker, Trial, TrialTracker, UserError

try:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param
except ImportError:
    raise UserError(
        "MLFLOW_TRACKING_URI is set, and MLflow is not installed; do: pip install '.[mlflow]' in the harness's checkout"
    ) from None

TRIAL = "harness.trial"
"""The tag of a run that holds the trial's identity."""
LONGEST = 500
"""Characters of a parameter that every store takes."""


class MlflowTrial(TrialTracker):
    """Writes one run."""

    def __init__(self, client: MlflowClient, run: str) -> None:
        self._client = client
        self._run = run

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Write named numbers at a step."""
        now = time.time_ns() // 1_000_000
        self._client.log_batch(self._run, [Metric(name, value, now, step) for name, value in numbers.items()])

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Write a picture (H, W, 3) as a file."""
        self._client.log_image(self._run, pixels, f"{name}.png")

    def close(self, outcome: str) -> None:
        """End the run."""
        states = {"finished": "FINISHED", "interrupted": "KILLED"}
        self._client.set_terminated(self._run, states.get(outcome, "FAILED"))


class MlflowTracker(Tracker):
    """Writes a run for each trial, found by its tag again where a trial goes on.

    Args:
        address: of the store.
        experiment: the name of the experiment, made if there is none.
    """

    def __init__(self, address: str, experiment: str) -> None:
        self._client = MlflowClient(tracking_uri=address)
        found = self._client.get_experiment_by_name(experiment)
        self._experiment = found.experiment_id if found else self._client.create_experiment(experiment)

    def trial(self, trial: Trial, settings: Mapping[str, Any]) -> TrialTracker:
        """Begin the run of a trial, or go on with it."""
        for run in self._client.search_runs([self._experiment], f"tags.`{TRIAL}` = '{trial.id}'"):
            self._client.set_terminated(run.info.run_id, "RUNNING")
            return MlflowTrial(self._client, run.info.run_id)
        run = self._client.create_run(self._experiment, tags={TRIAL: trial.id}, run_name=trial.title)
        parameters = [Param(name, str(value)[:LONGEST]) for name, value in settings.items()]
        self._client.log_batch(run.info.run_id, params=parameters)
        return MlflowTrial(self._client, run.info.run_id)

    def tables(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Write the tables as CSV files of a run of their own."""
        run = self._client.create_run(self._experiment, run_name="tables")
        for name, table in tables.items():
            self._client.log_text(run.info.run_id, table.to_csv(index=False), f"{name}.csv")
        self._client.set_terminated(run.info.run_id)
