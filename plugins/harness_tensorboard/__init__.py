"""Built-in plugin: files for TensorBoard, where it is installed (the extra `tensorboard`).

Loss terms and images per second of every trial go to `tensorboard/TRIAL` in the results folder while it
trains, and its scores when it ends: `tensorboard --logdir results/NAME/tensorboard`. It observes and nothing
else; a tracker for another service needs the same four hooks.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness import Progress, Result, Suite, Trial
    from harness_tensorboard.writers import Writers

_writers: "Writers | None" = None


@hookimpl
def harness_suite_started(suite: "Suite", trials: "list[Trial]", folder: Path) -> None:
    """Open the writers, if any trial is to be trained and TensorBoard is installed."""
    global _writers  # noqa: PLW0603 - a plugin is a module, and hooks have nothing else to share
    _writers = None
    if trials and find_spec("tensorboard"):
        from harness_tensorboard.writers import Writers

        _writers = Writers(folder / "tensorboard")


@hookimpl
def harness_trial_progress(trial: "Trial", progress: "Progress") -> None:
    """Write the losses of a trial and its speed."""
    if _writers and progress.losses:
        speed = {} if progress.images_per_second is None else {"images per second": progress.images_per_second}
        _writers.of(trial).write({**progress.losses, **speed}, progress.step)


@hookimpl
def harness_trial_finished(trial: "Trial", result: "Result") -> None:
    """Write the scores of a trial and close its file."""
    if _writers:
        scores = {f"score/{record.metric}": record.score for record in result.scores if record.score is not None}
        _writers.of(trial).write(scores, trial.training.steps)
        _writers.close(trial)


@hookimpl
def harness_suite_finished(suite: "Suite", folder: Path) -> None:
    """Forget the writers, so that a later study in this process has its own."""
    global _writers  # noqa: PLW0603
    _writers = None
