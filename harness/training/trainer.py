"""The training of one trial: from a seed, or from its last checkpoint, to a trained model on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import torch
from torch import Tensor

from harness.config import parse
from harness.dataset import Dataset
from harness.model import Model, build
from harness.plugins import Registry
from harness.rng import Rng
from harness.store import TrialFolder
from harness.training import checkpoint
from harness.training.batches import Batches
from harness.training.eager import EagerEngine
from harness.training.history import History
from harness.trial import Progress, Trial

PROGRESS_SECONDS = 1.0


class Interrupted(Exception):  # noqa: N818 - not an error
    """Training was asked to stop; a checkpoint is saved."""


def train(
    trial: Trial,
    registry: Registry,
    dataset: Dataset,
    folder: TrialFolder,
    *,
    report: Callable[[Progress], None],
    stopping: Callable[[], bool],
    checkpoint_seconds: float,
) -> Model:
    """Train a trial, continuing from its checkpoint if it has one; the model file ends the training.

    Args:
        trial: what to train.
        registry: where its model is found.
        dataset: loaded on the device to train on.
        folder: gets checkpoint, history and model.
        report: called about once a second.
        stopping: asked before every step.
        checkpoint_seconds: time between two checkpoints.

    Raises:
        DivergenceError: a loss is not a usable number.
        Interrupted: `stopping` said so.
        UserError: the checkpoint is damaged.
    """
    model = new_model(trial, registry, dataset)
    if folder.model.exists():
        load_weights(model, folder)
        return model
    batch_size = trial.training["batch_size"]
    engine = EagerEngine(
        model.train(),
        Batches(dataset, batch_size, trial.seed, trial.held_out),
        draws=Rng.of(trial.seed, "draws", device=dataset.device),
        resets=Rng.of(trial.seed, "resets"),
    )
    training = _Training(engine, History(trial.training["steps"], batch_size), folder, trial.training["steps"])
    training.resume()
    try:
        training.run(report, stopping, checkpoint_seconds)
    finally:
        training.history.save(folder.history)
    checkpoint.save(folder.model, model.state_dict(), {"trial": trial.id, "seconds": training.history.seconds})
    folder.checkpoint.unlink(missing_ok=True)
    return model


def new_model(trial: Trial, registry: Registry, dataset: Dataset) -> Model:
    """The trial's model as its seed initialises it, on the dataset's device."""
    model_class = registry.find("models", trial.model.name).load()
    config = parse(model_class.Config, trial.model.config, trial.label)
    return build(model_class, config, dataset.image, Rng.of(trial.seed, "initial")).to(dataset.device)


def load_weights(model: Model, folder: TrialFolder) -> None:
    """Give a model the parameters that its training ended with.

    Raises:
        UserError: the file is damaged.
        FileNotFoundError: the trial has not been trained.
    """
    weights, _ = checkpoint.load(folder.model)
    model.load_state_dict(weights)


def training_seconds(folder: TrialFolder) -> float:
    """How long the training took, s, over all attempts."""
    return float(checkpoint.load(folder.model)[1]["seconds"])


def read(losses: dict[str, Tensor]) -> dict[str, float]:
    """Loss terms as numbers, with a single wait for the device."""
    return dict(zip(losses, torch.stack([value.double() for value in losses.values()]).tolist(), strict=True))


@dataclass
class _Training:
    """An engine on its way from `done` to `steps`."""

    engine: EagerEngine
    history: History
    folder: TrialFolder
    steps: int
    done: int = 0

    def run(self, report: Callable[[Progress], None], stopping: Callable[[], bool], checkpoint_seconds: float) -> None:
        """Step to the end, recording, reporting and saving on the way."""
        saved = reported = monotonic()
        speed = _Speed(self.done)
        while self.done < self.steps:
            if stopping():
                self.save()
                raise Interrupted
            losses = self.engine.step(self.done)
            self.done += 1
            last = self.done == self.steps
            if self.history.due(self.done) or last:
                self.history.record(self.done, read(losses))
            now = monotonic()
            if now - reported >= PROGRESS_SECONDS or last:
                report(self._progress(speed.at(self.done)))
                reported = now
            if now - saved >= checkpoint_seconds:
                self.save()
                saved = monotonic()

    def _progress(self, steps_per_second: float) -> Progress:
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
        checkpoint.save(
            self.folder.checkpoint, self.engine.state(), {"step": self.done, "threads": torch.get_num_threads()}
        )

    def resume(self) -> None:
        """Continue from the checkpoint if there is one."""
        if not self.folder.checkpoint.exists():
            return
        state, meta = checkpoint.load(self.folder.checkpoint)
        # The number of threads decides the order of sums, and so the last bits of every number.
        torch.set_num_threads(meta["threads"])
        self.engine.restore(state)
        self.history.resume(self.folder.history, meta["step"])
        self.done = meta["step"]


class _Speed:
    """Steps per second since this process began to train."""

    def __init__(self, done: int) -> None:
        self._first = done
        self._started = monotonic()

    def at(self, done: int) -> float:
        return (done - self._first) / (monotonic() - self._started)
