"""Built-in plugin: files for TensorBoard, where it is installed (the extra `tensorboard`).

Losses, speed, scores, settings and pictures of every trial go to `tensorboard/TRIAL` in the results folder, and the
leaderboard beside them: `tensorboard --logdir results/NAME/tensorboard`. It observes and nothing else.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Tracking

if TYPE_CHECKING:
    from harness import Suite, Tracker


def _begin(suite: "Suite", folder: Path) -> "Tracker | None":
    if find_spec("tensorboard") is None:
        return None
    from harness_tensorboard.tracker import TensorBoardTracker

    return TensorBoardTracker(folder / "tensorboard")


tracking = Tracking(_begin)
harness_suite_started = tracking.harness_suite_started
harness_trial_progress = tracking.harness_trial_progress
harness_trial_pictures = tracking.harness_trial_pictures
harness_trial_finished = tracking.harness_trial_finished
harness_suite_finished = tracking.harness_suite_finished
