"""The training of one trial: from a seed, or from its last checkpoint, to a trained model on disk."""

from collections.abc import Callable
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

CHECKPOINT_SECONDS = 30.0
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
) -> Model:
    """Train a trial, continuing from its checkpoint if it has one; the model file ends the training.

    Args:
        trial: what to train.
        registry: where its model is found.
        dataset: loaded on the device to train on.
        folder: gets checkpoint, history and model.
        report: called about once a second.
        stopping: asked before every step.

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
        Batches(dataset, batch_size, trial.seed),
        draws=Rng.of(trial.seed, "draws", device=dataset.device),
        resets=Rng.of(trial.seed, "resets"),
    )
    history = History(trial.training["steps"], batch_size)
    done = _resume(engine, history, folder)
    try:
        _loop(engine, history, folder, done, trial.training["steps"], report, stopping)
    finally:
        history.save(folder.history)
    checkpoint.save(folder.model, model.state_dict(), {"trial": trial.id, "seconds": history.seconds})
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


def _loop(
    engine: EagerEngine,
    history: History,
    folder: TrialFolder,
    done: int,
    steps: int,
    report: Callable[[Progress], None],
    stopping: Callable[[], bool],
) -> None:
    saved = reported = monotonic()
    started_at = done
    start = monotonic()
    while done < steps:
        if stopping():
            _save(engine, history, folder, done)
            raise Interrupted
        losses = engine.step(done)
        done += 1
        if history.due(done) or done == steps:
            history.record(done, read(losses))
        now = monotonic()
        if now - reported >= PROGRESS_SECONDS or done == steps:
            speed = (done - started_at) / (now - start)
            report(
                Progress(
                    done,
                    steps,
                    images_per_second=speed * history.batch_size,
                    seconds_left=(steps - done) / speed,
                    losses={name: value for name, value in history.latest.items() if "/" in name},
                )
            )
            reported = now
        if now - saved >= CHECKPOINT_SECONDS:
            _save(engine, history, folder, done)
            saved = monotonic()


def read(losses: dict[str, Tensor]) -> dict[str, float]:
    """Loss terms as numbers, with a single wait for the device."""
    return dict(zip(losses, torch.stack([value.double() for value in losses.values()]).tolist(), strict=True))


def _save(engine: EagerEngine, history: History, folder: TrialFolder, done: int) -> None:
    # History first: rows after the checkpoint's step are dropped on resumption, missing ones would be lost.
    history.save(folder.history)
    meta = {"step": done, "threads": torch.get_num_threads()}
    checkpoint.save(folder.checkpoint, engine.state(), meta)


def _resume(engine: EagerEngine, history: History, folder: TrialFolder) -> int:
    """Restore the checkpoint if there is one; returns the number of steps done."""
    if not folder.checkpoint.exists():
        return 0
    state, meta = checkpoint.load(folder.checkpoint)
    # The number of threads decides the order of sums, and so the last bits of every number.
    torch.set_num_threads(meta["threads"])
    engine.restore(state)
    history.resume(folder.history, meta["step"])
    return int(meta["step"])
