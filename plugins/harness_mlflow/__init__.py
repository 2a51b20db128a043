"""Built-in plugin: MLflow, where it is installed (the extra `mlflow`) and MLFLOW_TRACKING_URI says where to.

Each trial is a run in the experiment of its suite: settings as parameters, losses, speed and scores as metrics,
pictures as artifacts. One more run, "tables", has the tables as CSV.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Tracking

if TYPE_CHECKING:
    from harness import Suite, Tracker


def _begin(suite: "Suite", folder: Path) -> "Tracker | None":
    address = os.environ.get("MLFLOW_TRACKING_URI")
    if not address:
        return None
    from harness_mlflow.tracker import MlflowTracker

    return MlflowTracker(address, suite.name)


tracking = Tracking(_begin)
harness_suite_started = tracking.harness_suite_started
harness_trial_progress = tracking.harness_trial_progress
harness_trial_pictures = tracking.harness_trial_pictures
harness_trial_finished = tracking.harness_trial_finished
harness_suite_finished = tracking.harness_suite_finished
