"""The training loop: steps, histories, checkpoints and reports of trials that are trained together, or of one."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self

import torch

from harness.dataset import Dataset
from harness.errors import ContractError, DamagedFileError, DivergenceError, StorageError
from harness.model import Model
from harness.results.trial_folder import TrialFolder
from harness.rng import Rng
from harness.storage.atomic import set_aside
from harness.storage.tensors import save_tensors
from harness.suite.trial import Trial
from harness.training.batches import Batches
from harness.training.engines.base import make_engine, make_stepper
from harness.training.engines.eager import EagerStepper
from harness.training.events import Event, Note, Progress
from harness.training.history import History
from harness.training.purity import Between
from harness.training.trial_state import Checkpoint, Warn, remove_checkpoints, save_checkpoint

PROGRESS_SECONDS = 1.0

SAVING_SHARE = 0.02
"""Share of the time that checkpoints may take; where they take longer, they are made less often."""


class Interrupted(Exception):  # noqa: N818 - not an error
    """Training was asked to stop; checkpoints are saved."""


@dataclass(frozen=True)
class Callbacks:
    """Callbacks of the training loop.

    Attributes:
        report: told how far each trial is, about once a second, and what people should know of it.
        failed: called when a trial ends badly: it diverged, or its model raised.
        stopping: asked before every step.
        provenance: asked when a trained model is written; what is recorded of the machine and the code.
    """

    report: Callable[[Trial, Event], None]
    failed: Callable[[Trial, Exception], None]
    stopping: Callable[[], bool]
    provenance: Callable[[], Mapping[str, Any]]


@dataclass
class TrialTraining:
    """A trial on its way from `done` to `steps`.

    Attributes:
        earlier: trials that are states of the same training, after fewer steps, from few to many; their models are
            written when the training comes past them.
    """

    trial: Trial
    engine: EagerStepper
    history: History
    folder: TrialFolder
    steps: int
    done: int = 0
    finished: bool = False
    earlier: list[tuple[Trial, TrialFolder]] = field(default_factory=list)

    @classmethod
    def at_its_beginning(
        cls, trial: Trial, model: Model, dataset: Dataset, folder: TrialFolder, engine: str, callbacks: Callbacks
    ) -> Self:
        """A trial at step 0, its member made for some engine."""
        batch_size, steps = trial.training.batch_size, trial.training.steps
        member = make_stepper(
            engine,
            model.train(),
            Batches(dataset, batch_size, trial.seed, trial.training.held_out, model.pairs(), trial.dataset.name),
            draws=Rng.for_draws(trial.seed, dataset.device),
            resets=Rng.for_resets(trial.seed),
            precision=trial.training.precision,
            note=lambda text: callbacks.report(trial, Note(text)),
        )
        return cls(trial, member, History(steps, member.batches.images), folder, steps)

    def resume(self, checkpoint: Checkpoint, warn: Warn) -> None:
        """Continue from a checkpoint, of the trial or of another one that is a state of the same training.

        Raises:
            StorageError: it cannot be read any more, or is not what it was; the trial can be tried again.
        """
        # The number of threads decides the order of sums, and so the last bits of every number.
        torch.set_num_threads(checkpoint.threads)
        self.engine.restore(checkpoint.state())
        self.done = checkpoint.step
        history = TrialFolder(checkpoint.file.parent).history
        try:
            self.history.resume(history, self.done, checkpoint.seconds)
        except DamagedFileError as error:
            if history == self.folder.history:
                warn(f"{error}; it is {set_aside(history).name} now, and the curves begin at step {self.done}")
            self.history.resume(self.folder.history, self.done, checkpoint.seconds)

    @property
    def due(self) -> bool:
        """Whether the losses of the step just done are to be recorded."""
        ends = (self.steps, *(trial.training.steps for trial, _ in self.earlier[:1]))
        return self.history.due(self.done) or self.done in ends

    def progress(self, steps_per_second: float) -> Progress:
        """Where the training is."""
        return Progress(
            self.done,
            self.steps,
            images_per_second=steps_per_second * self.history.batch_size,
            seconds_left=(self.steps - self.done) / steps_per_second,
            losses={name: value for name, value in self.history.latest.items() if "/" in name},
        )

    def save(self, fleet: Mapping[str, int]) -> None:
        """Write a checkpoint; `fleet` has the step of each trial that is saved with it, itself among them."""
        # History first: rows after the checkpoint's step are dropped on resumption, missing ones would be lost.
        self.history.save(self.folder.history)
        meta = {
            "step": self.done,
            "threads": torch.get_num_threads(),
            "seconds": self.history.seconds,
            "fleet": dict(fleet),
        }
        save_checkpoint(self.folder, self.engine.state(), meta)

    def finish(self, provenance: Mapping[str, Any], *, keep_checkpoint: bool) -> None:
        """Write the trained model, which ends the training."""
        self._write_model(self.trial, self.folder, provenance)
        remove_checkpoints(self.folder, keep_last=keep_checkpoint)
        self.finished = True

    @property
    def passes(self) -> bool:
        """Whether the training is now in the state of an earlier trial."""
        return bool(self.earlier) and self.earlier[0][0].training.steps == self.done

    def pass_earlier(self, provenance: Mapping[str, Any]) -> None:
        """Write the model of the earlier trial in whose state the training is."""
        trial, folder = self.earlier.pop(0)
        self._write_model(trial, folder, provenance)

    def _write_model(self, trial: Trial, folder: TrialFolder, provenance: Mapping[str, Any]) -> None:
        self.history.save(folder.history)
        meta = {"trial": trial.id, "seconds": self.history.seconds, "provenance": dict(provenance)}
        save_tensors(folder.model, self.engine.model.state_dict(), meta)

    def fail(self, error: Exception, callbacks: Callbacks) -> None:
        """End badly, with the rows so far if they can be written."""
        with suppress(StorageError):
            self.history.save(self.folder.history)
        for trial in (self.trial, *(trial for trial, _ in self.earlier)):
            callbacks.failed(trial, error)


class TrainingLoop:
    """Steps trainings of equal structure by one engine, to their ends; those that have ended leave the list.

    Args:
        trainings: at least one.
        callbacks: is told and asked.
        checkpoint_seconds: time between two checkpoints.
        engine: what a fleet's steps are.
        fleet: whether a lone training is the rest of a fleet, and so is stepped as one.
        keep_checkpoints: whether trainings that end keep their last state, from which others may go on.
    """

    def __init__(
        self,
        trainings: list[TrialTraining],
        callbacks: Callbacks,
        checkpoint_seconds: float,
        engine: str,
        *,
        fleet: bool = False,
        keep_checkpoints: bool = True,
    ) -> None:
        self.trainings = trainings
        self.keep_checkpoints = keep_checkpoints
        self.fleet = fleet or len(trainings) > 1
        self.engine = make_engine([training.engine for training in trainings], self._note, engine, fleet=self.fleet)
        self.callbacks = callbacks
        self.checkpoint_seconds = checkpoint_seconds

    def run(self) -> None:
        """Step to the end, recording, reporting and saving on the way."""
        self._leave({})
        for training in self.trainings:
            if training.done:  # Whoever measures how fast all goes must not count what was done before.
                self.callbacks.report(training.trial, Progress(training.done, training.steps))
        begun, steps = monotonic(), 0
        reported, save_at = begun, begun + self.checkpoint_seconds
        self._between = Between(min((training.done for training in self.trainings), default=0))
        while self.trainings:
            if self.callbacks.stopping():
                self._save(self.trainings)
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
                    self.callbacks.report(training.trial, training.progress(steps / (now - begun)))
                reported = now
            self._leave(failed)
            if now >= save_at:
                self._save(self.trainings)
                saved = monotonic()
                save_at = saved + max(self.checkpoint_seconds, (saved - now) / SAVING_SHARE)

    def _record(self) -> dict[int, Exception]:
        """Add a row to the histories that are due; returns the errors of members, divergence among them."""
        failed = dict(self.engine.failures)
        due = [position for position, training in enumerate(self.trainings) if training.due]
        for position in {*failed, *due}:
            try:  # First: what becomes of wrong images is not the model's fault.
                self.trainings[position].engine.batches.check()
            except ContractError as error:
                failed[position] = error
        if due:
            try:
                self._between.check(max(training.done for training in self.trainings))
            except ContractError as error:  # Whose member's call it was cannot be told.
                failed = dict.fromkeys(range(len(self.trainings)), error) | failed
        losses = self.engine.losses() if due else []
        for position in due:
            if position not in failed:
                training = self.trainings[position]
                try:
                    training.history.record(training.done, losses[position])
                except DivergenceError as error:
                    failed[position] = error
        return failed

    def _leave(self, failed: dict[int, Exception]) -> None:
        """Let go of the trainings that have failed and of those that are done."""
        ending = failed.keys() or any(training.done >= training.steps for training in self.trainings)
        if ending and (len(self.trainings) > 1 or self.keep_checkpoints):
            # Whoever is killed between here and the next checkpoint must not find a fleet that has lost a member since.
            self._save([each for position, each in enumerate(self.trainings) if each.done and position not in failed])
        for position, training in enumerate(self.trainings):
            if training.passes and position not in failed:
                training.pass_earlier(self.callbacks.provenance())
        for position, error in failed.items():
            self.trainings[position].fail(error, self.callbacks)
        done = {p: t for p, t in enumerate(self.trainings) if t.done >= t.steps and p not in failed}
        for training in done.values():
            training.finish(self.callbacks.provenance(), keep_checkpoint=self.keep_checkpoints)
        if leaving := failed.keys() | done.keys():
            self.trainings[:] = [training for p, training in enumerate(self.trainings) if p not in leaving]
            self.engine.leave(sorted(leaving))

    def _save(self, trainings: Sequence[TrialTraining]) -> None:
        fleet = {training.trial.id: training.done for training in trainings} if self.fleet else {}
        for training in trainings:
            training.save(fleet)

    def _note(self, text: str) -> None:
        self.callbacks.report(self.trainings[0].trial, Note(text))
