"""Trackers: observers that write what a run reports to a service, such as TensorBoard or Weights & Biases."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    import pandas as pd

    from harness.results.result import Result
    from harness.suite.suite import Suite
    from harness.suite.trial import Trial
    from harness.training.events import Progress


class TrialTracker(ABC):
    """Writes what becomes of one trial."""

    @abstractmethod
    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Write losses and the speed, or scores as "score/METRIC", at a step of the training."""

    @abstractmethod
    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Write a picture (H, W, 3) of the trained model."""

    @abstractmethod
    def close(self, outcome: str) -> None:
        """Write what is buffered: the trial has ended, "finished" or otherwise; see `harness.Outcome`."""


class Tracker(ABC):
    """Writes what becomes of a study."""

    @abstractmethod
    def trial(self, trial: "Trial", settings: Mapping[str, Any]) -> TrialTracker:
        """Begin with a trial, or go on with one that was interrupted; its identity is `trial.id`.

        Args:
            trial: the trial.
            settings: all that decides its numbers, by flat names, as numbers, texts and lists.
        """

    @abstractmethod
    def tables(self, tables: "Mapping[str, pd.DataFrame]") -> None:
        """Write the tables of the results folder, by name, at the end of a run that has done something."""


class Tracking:
    """The hooks of a tracker. A plugin names each in its module: `harness_trial_finished = tracking....`.

    A service that fails is told of once and left alone until the next run.

    Args:
        begin: makes the tracker of a study that begins, from its suite and its results folder, which may be at a URL;
            None where nobody wants one.
    """

    def __init__(self, begin: "Callable[[Suite, Path], Tracker | None]") -> None:
        self._begin = begin
        self._tracker: Tracker | None = None
        self._trials: dict[str, TrialTracker] = {}
        self._began = False

    @hookimpl
    def harness_suite_started(self, suite: "Suite", folder: Path) -> None:
        """Begin with a study."""
        self._tracker, self._trials, self._began = None, {}, False
        self._tracker = self._begin(suite, folder)

    @hookimpl
    def harness_trial_progress(self, trial: "Trial", progress: "Progress") -> None:
        """Write the losses of a trial and its speed."""
        if progress.losses:
            speed = {} if progress.images_per_second is None else {"images per second": progress.images_per_second}
            with self._following(trial) as own:
                if own:
                    own.write({**progress.losses, **speed}, progress.step)

    @hookimpl
    def harness_trial_pictures(self, trial: "Trial", pictures: "Mapping[str, NDArray[np.uint8]]") -> None:
        """Write pictures of a trained model."""
        with self._following(trial) as own:
            if own:
                for name, pixels in pictures.items():
                    own.picture(name, pixels, trial.training.steps)

    @hookimpl
    def harness_trial_finished(self, trial: "Trial", result: "Result") -> None:
        """Write the scores of a trial, and close it."""
        scores = {f"score/{record.metric}": record.score for record in result.scores if record.score is not None}
        with self._following(trial) as own:
            if own:
                own.write(scores, trial.training.steps)
                own.close(str(result.outcome))
        self._trials.pop(trial.id, None)

    @hookimpl
    def harness_suite_finished(self, tables: "Mapping[str, pd.DataFrame]") -> None:
        """Write the tables, close what did not end, and forget the study."""
        tracker, self._tracker = self._tracker, None
        if tracker and self._began:
            for own in self._trials.values():
                own.close("interrupted")
            tracker.tables(tables)

    @contextmanager
    def _following(self, trial: "Trial") -> Iterator[TrialTracker | None]:
        """What writes a trial, begun when it is first asked for; None where there is no tracker, or not any more."""
        try:
            if self._tracker and trial.id not in self._trials:
                self._trials[trial.id] = self._tracker.trial(trial, trial_settings(trial))
                self._began = True
            yield self._trials.get(trial.id) if self._tracker else None
        except BaseException:
            self._tracker = None
            raise


def trial_settings(trial: "Trial") -> dict[str, Any]:
    """All that decides a trial's numbers, by flat names."""
    return {
        "trial": trial.id,
        "label": trial.label,
        "seed": trial.seed,
        "model": trial.model.name,
        **{f"model.{name}": value for name, value in trial.model.config.items()},
        "dataset": trial.dataset.name,
        **{f"dataset.{name}": value for name, value in trial.dataset.config.items()},
        **{f"training.{name}": value for name, value in trial.training.values().items()},
    }
