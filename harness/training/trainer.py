"""The training of trials: from their seeds, or their last checkpoints, to trained models on disk."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

import torch

from harness.data.checks import check_batch
from harness.dataset import Dataset
from harness.errors import DamagedFileError, DivergenceError, StorageError
from harness.model import Model
from harness.registry import Registry
from harness.results.folder import ResultsFolder, TrialFolder
from harness.rng import Rng
from harness.storage.atomic import set_aside
from harness.storage.tensors import save_tensors
from harness.suite.build import initial_model
from harness.suite.trial import Trial
from harness.training.batches import Batches
from harness.training.engines.base import engine_of, make_member
from harness.training.engines.eager import EagerEngine
from harness.training.engines.signature import structure
from harness.training.history import History
from harness.training.precision import products
from harness.training.progress import Progress
from harness.training.trial_state import (
    Warn,
    load_checkpoint,
    load_model,
    remove_checkpoints,
    save_checkpoint,
    set_aside_model,
)

PROGRESS_SECONDS = 1.0

SAVING_SHARE = 0.02
"""Share of the time that checkpoints may take; where they take longer, they are made less often."""


class Interrupted(Exception):  # noqa: N818 - not an error
    """Training was asked to stop; checkpoints are saved."""


@dataclass(frozen=True)
class Observer:
    """Whom a training tells, and whom it asks.

    Attributes:
        report: called about once a second for each trial.
        failed: called when a trial ends badly: it diverged, or its model raised.
        stopping: asked before every step.
        provenance: asked when a trained model is written: what is to be known about where it was trained.
    """

    report: Callable[[Trial, Progress], None]
    failed: Callable[[Trial, Exception], None]
    stopping: Callable[[], bool]
    provenance: Callable[[], Mapping[str, Any]]


def train(
    trials: Sequence[Trial],
    registry: Registry,
    dataset: Dataset,
    folder: ResultsFolder,
    observer: Observer,
    *,
    engine: str,
    checkpoint_seconds: float,
) -> dict[str, Model]:
    """Train trials, continuing from their checkpoints if they have some; a model file ends a training.

    Trials whose models are of equal structure are trained together, as a fleet.

    Args:
        trials: what to train.
        registry: where their models are found.
        dataset: theirs, loaded on the device to train on.
        folder: gets checkpoints, histories and models.
        observer: is told and asked.
        engine: "eager", "compiled" or "graph"; a fleet's steps are the same of all its trials together.
        checkpoint_seconds: time between two checkpoints.

    Returns:
        The trained models by the trials' ids; those that ended badly are missing.

    Raises:
        Interrupted: `observer.stopping` said so.
    """
    models: dict[str, Model] = {}
    untrained: list[tuple[Trial, Model]] = []
    for trial in trials:
        try:
            model = initial_model(registry, trial, dataset)
            if _is_trained(model, folder.trial(trial.id), _warn(observer, trial)):
                models[trial.id] = model
            else:
                untrained.append((trial, model))
        except Exception as error:  # A model or a file may raise anything; it must not stop the others.
            observer.failed(trial, error)
    for alike in _alike(untrained):
        try:
            _check_data(alike[0][0], dataset)
        except Exception as error:  # A dataset may raise anything; without it there is nothing to train on.
            for trial, _ in alike:
                observer.failed(trial, error)
            continue
        trainings = []
        for trial, model in alike:
            try:
                own_engine = engine if len(alike) == 1 else "eager"
                trainings.append(_Training.of(trial, model, dataset, folder.trial(trial.id), own_engine, observer))
            except Exception as error:
                observer.failed(trial, error)
        with products(alike[0][0].precision):
            _run(trainings, observer, checkpoint_seconds, engine)
        models |= {training.trial.id: training.engine.model for training in trainings if training.finished}
    return models


def _check_data(trial: Trial, dataset: Dataset) -> None:
    """Check the first batch that a trial is trained on.

    Raises:
        UserError: there are not enough images for one, or the dataset does not give what it promises.
    """
    batches = Batches(dataset, trial.training["batch_size"], trial.seed, trial.held_out)
    check_batch(dataset, batches.next_indices(), trial.dataset.name)


def _alike(untrained: Sequence[tuple[Trial, Model]]) -> list[list[tuple[Trial, Model]]]:
    """Trials grouped by their precision and the structure of their models."""
    if len(untrained) == 1:
        return [list(untrained)]
    groups: dict[object, list[tuple[Trial, Model]]] = {}
    for trial, model in untrained:
        groups.setdefault((trial.precision, structure(model)), []).append((trial, model))
    return list(groups.values())


def load_weights(model: Model, folder: TrialFolder) -> None:
    """Give a model the parameters that its training ended with.

    Raises:
        DamagedFileError: the file is damaged.
        FileNotFoundError: the trial has not been trained.
    """
    weights, _ = load_model(folder)
    model.load_state_dict(weights)


def _is_trained(model: Model, folder: TrialFolder, warn: Warn) -> bool:
    """Load the parameters that a training ended with, if it has; damaged ones are set aside."""
    try:
        load_weights(model, folder)
    except FileNotFoundError:
        return False
    except DamagedFileError as error:
        warn(f"{error}; {set_aside_model(folder)}")
        return False
    return True


def _warn(observer: "Observer", trial: Trial) -> Warn:
    return lambda text: observer.report(trial, Progress(0, trial.training["steps"], warning=text))


@dataclass(frozen=True)
class Trained:
    """What a trained model's file says about its training.

    Attributes:
        seconds: how long it took, s, over all attempts; of a member of a fleet, how long the fleet took.
        provenance: of the process that ended it; empty for files from before it was recorded.
    """

    seconds: float
    provenance: Mapping[str, Any]

    @classmethod
    def of(cls, folder: TrialFolder) -> "Trained":
        """Read the file.

        Raises:
            DamagedFileError: it is damaged.
            FileNotFoundError: the trial has not been trained.
        """
        meta = load_model(folder)[1]
        return cls(float(meta["seconds"]), meta.get("provenance", {}))


@dataclass
class _Training:
    """A trial on its way from `done` to `steps`."""

    trial: Trial
    engine: EagerEngine
    history: History
    folder: TrialFolder
    steps: int
    done: int = 0
    finished: bool = False

    @classmethod
    def of(
        cls, trial: Trial, model: Model, dataset: Dataset, folder: TrialFolder, engine: str, observer: Observer
    ) -> "_Training":
        """From the beginning, or from the last good checkpoint if there is one."""
        batch_size, steps = trial.training["batch_size"], trial.training["steps"]
        member = make_member(
            engine,
            model.train(),
            Batches(dataset, batch_size, trial.seed, trial.held_out),
            draws=Rng.for_draws(trial.seed, dataset.device),
            resets=Rng.for_resets(trial.seed),
            precision=trial.precision,
            note=lambda text: observer.report(trial, Progress(0, steps, note=text)),
        )
        training = cls(trial, member, History(steps, batch_size), folder, steps)
        training._resume(_warn(observer, trial))
        return training

    def _resume(self, warn: Warn) -> None:
        saved = load_checkpoint(self.folder, warn)
        if saved is None:
            return
        state, meta = saved
        # The number of threads decides the order of sums, and so the last bits of every number.
        torch.set_num_threads(meta["threads"])
        self.engine.restore(state)
        self.done = meta["step"]
        try:
            self.history.resume(self.folder.history, self.done, meta.get("seconds"))
        except DamagedFileError as error:
            warn(f"{error}; it is {set_aside(self.folder.history).name} now, and the curves begin at step {self.done}")
            self.history.resume(self.folder.history, self.done, meta.get("seconds"))

    @property
    def due(self) -> bool:
        """Whether the losses of the step just done are to be recorded."""
        return self.history.due(self.done) or self.done == self.steps

    def progress(self, steps_per_second: float) -> Progress:
        """Where the training is."""
        return Progress(
            self.done,
            self.steps,
            images_per_second=steps_per_second * self.history.batch_size,
            seconds_left=(self.steps - self.done) / steps_per_second,
            losses={name: value for name, value in self.history.latest.items() if "/" in name},
        )

    def save(self) -> None:
        """Write a checkpoint."""
        # History first: rows after the checkpoint's step are dropped on resumption, missing ones would be lost.
        self.history.save(self.folder.history)
        meta = {"step": self.done, "threads": torch.get_num_threads(), "seconds": self.history.seconds}
        save_checkpoint(self.folder, self.engine.state(), meta)

    def finish(self, provenance: Mapping[str, Any]) -> None:
        """Write the trained model, which ends the training."""
        self.history.save(self.folder.history)
        meta = {"trial": self.trial.id, "seconds": self.history.seconds, "provenance": dict(provenance)}
        save_tensors(self.folder.model, self.engine.model.state_dict(), meta)
        remove_checkpoints(self.folder)
        self.finished = True

    def fail(self, error: Exception, observer: Observer) -> None:
        """End badly, with the rows so far if they can be written."""
        with suppress(StorageError):
            self.history.save(self.folder.history)
        observer.failed(self.trial, error)


def _run(trainings: Sequence[_Training], observer: Observer, checkpoint_seconds: float, engine: str) -> None:
    remaining = list(trainings)
    try:
        _Course(remaining, observer, checkpoint_seconds, engine).run()
    except Interrupted:
        raise
    except Exception as error:  # What is nobody's own error is everybody's.
        for training in remaining:
            training.fail(error, observer)


class _Course:
    """Trainings of equal structure, done step by step by one engine; those that have ended leave the list."""

    def __init__(self, trainings: list[_Training], observer: Observer, checkpoint_seconds: float, engine: str) -> None:
        self.trainings = trainings
        self.engine = engine_of([training.engine for training in trainings], self._note, engine)
        self.observer = observer
        self.checkpoint_seconds = checkpoint_seconds

    def run(self) -> None:
        """Step to the end, recording, reporting and saving on the way."""
        self._leave({})
        begun, steps = monotonic(), 0
        reported, save_at = begun, begun + self.checkpoint_seconds
        while self.trainings:
            if self.observer.stopping():
                self._save()
                raise Interrupted
            self.engine.step([training.done for training in self.trainings])
            for training in self.trainings:
                training.done += 1
            failed = self._record()
            steps += 1
            now = monotonic()
            last = any(training.done == training.steps for training in self.trainings)
            if now - reported >= PROGRESS_SECONDS or last:
                for training in self.trainings:
                    self.observer.report(training.trial, training.progress(steps / (now - begun)))
                reported = now
            self._leave(failed)
            if now >= save_at:
                self._save()
                saved = monotonic()
                save_at = saved + max(self.checkpoint_seconds, (saved - now) / SAVING_SHARE)

    def _record(self) -> dict[int, Exception]:
        """Add a row to the histories that are due; returns the errors of members, divergence among them."""
        failed = dict(self.engine.failures)
        if any(training.due for training in self.trainings):
            for position, losses in enumerate(self.engine.losses()):
                training = self.trainings[position]
                if training.due and position not in failed:
                    try:
                        training.history.record(training.done, losses)
                    except DivergenceError as error:
                        failed[position] = error
        return failed

    def _leave(self, failed: dict[int, Exception]) -> None:
        """Let go of the trainings that have failed and of those that are done."""
        for position, error in failed.items():
            self.trainings[position].fail(error, self.observer)
        done = {p: t for p, t in enumerate(self.trainings) if t.done >= t.steps and p not in failed}
        for training in done.values():
            training.finish(self.observer.provenance())
        if leaving := failed.keys() | done.keys():
            self.trainings[:] = [training for p, training in enumerate(self.trainings) if p not in leaving]
            self.engine.leave(sorted(leaving))

    def _save(self) -> None:
        for training in self.trainings:
            training.save()

    def _note(self, text: str) -> None:
        training = self.trainings[0]
        self.observer.report(training.trial, Progress(training.done, training.steps, note=text))
