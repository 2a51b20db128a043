"""Built-in plugin: Trackio, where it is installed (the extra `trackio`) and TRACKIO_PROJECT names a project.

Each trial is a run of the project, in the group of its suite, with losses, speed, settings, scores and pictures. One
more run, "tables", has the leaderboard. They are kept on this machine, where TRACKIO_DIR says, or sent to the Space or
server that TRACKIO_SPACE_ID or TRACKIO_SERVER_URL names; `trackio show` is the dashboard.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Tracking

if TYPE_CHECKING:
    from harness import Suite, Tracker


def _begin(suite: "Suite", folder: Path) -> "Tracker | None":
    project = os.environ.get("TRACKIO_PROJECT")
    if not project:
        return None
    from harness_trackio.tracker import TrackioTracker

    return TrackioTracker(project, suite.name)


tracking = Tracking(_begin)
harness_suite_started = tracking.harness_suite_started
harness_trial_progress = tracking.harness_trial_progress
harness_trial_pictures = tracking.harness_trial_pictures
harness_trial_finished = tracking.harness_trial_finished
harness_suite_finished = tracking.harness_suite_finished
