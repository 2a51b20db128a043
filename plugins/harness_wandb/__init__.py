"""Built-in plugin: Weights & Biases, where it is installed (the extra `wandb`) and WANDB_PROJECT names a project.

Each trial is a run of the project, in the group of its suite, with losses, speed, settings, scores and pictures. One
more run, "tables", has the leaderboard. With WANDB_MODE=offline everything stays in the results folder until
`wandb sync`.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Tracking

if TYPE_CHECKING:
    from harness import Suite, Tracker


def _begin(suite: "Suite", folder: Path) -> "Tracker | None":
    project = os.environ.get("WANDB_PROJECT")
    if not project:
        return None
    from harness_wandb.tracker import WandbTracker

    return WandbTracker(project, suite, folder)


tracking = Tracking(_begin)
harness_suite_started = tracking.harness_suite_started
harness_trial_progress = tracking.harness_trial_progress
harness_trial_pictures = tracking.harness_trial_pictures
harness_trial_finished = tracking.harness_trial_finished
harness_suite_finished = tracking.harness_suite_finished
