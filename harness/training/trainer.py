"""The training of trials: from their seeds, or their last checkpoints, to trained models on disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from harness.data.checks import check_all_labels, check_batch, check_declared
from harness.dataset import Dataset
from harness.errors import ContractError, DamagedFileError, UserError
from harness.model import Model
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.results.trial_folder import TrialFolder
from harness.suite.build import build_initial_model
from harness.suite.trial import Trial, by_training
from harness.training.batches import Batches
from harness.training.engines.signature import signature_of
from harness.training.events import Alert, Note
from harness.training.loop import Callbacks, Interrupted, TrainingLoop, TrialTraining
from harness.training.precision import products
from harness.training.trial_state import (
    Checkpoint,
    Warn,
    furthest_state,
    go_back_together,
    load_checkpoints,
    load_model,
    set_aside_model,
)

__all__ = ["Callbacks", "Interrupted", "Trained", "load_weights", "train"]


def train(
    trials: Sequence[Trial],
    registry: Registry,
    dataset: Dataset,
    folder: ResultsFolder,
    callbacks: Callbacks,
    *,
    engine: str,
    checkpoint_seconds: float,
    keep_checkpoints: bool = True,
    others: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, Model]:
    """Train trials, continuing from their checkpoints if they have some; a model file ends a training.

    A trial without one continues from that of another trial which is a state of the same training, after fewer steps.

    Trials whose models are of equal structure are trained together, as a fleet. Trials that differ in their steps alone
    are states of one training, which writes the model of each as it comes past.

    Args:
        trials: what to train.
        registry: where their models are found.
        dataset: theirs, loaded on the device to train on.
        folder: gets checkpoints, histories and models.
        callbacks: is told and asked.
        engine: "eager", "compiled" or "graph"; a fleet's steps are the same of all its trials together.
        checkpoint_seconds: time between two checkpoints.
        keep_checkpoints: whether trainings that end keep their last checkpoint.
        others: by a trial's id those of others in the folder that are states of the same training.

    Returns:
        The trained models by the trials' ids; those that ended badly are missing.

    Raises:
        Interrupted: `callbacks.stopping` said so.
        UserError: the dataset has too few images, or none that a model of pairs could learn from.
    """
    how = _How(dataset, folder, callbacks, engine, checkpoint_seconds, keep_checkpoints, others)
    models: dict[str, Model] = {}
    untrained: list[tuple[Trial, Model]] = []
    for trial in trials:
        try:
            model = build_initial_model(registry, trial, dataset)
            if _is_trained(model, folder.trial(trial.id), _warn(callbacks, trial)):
                models[trial.id] = model
            else:
                untrained.append((trial, model))
        except Exception as error:  # A model or a file may raise anything; it must not stop the others.
            callbacks.failed(trial, error)
    earlier, untrained = _with_earlier(untrained)
    fleets = _alike(untrained)
    if len(fleets) > 1:
        text = f"{len(untrained)} trials are trained as {len(fleets)} fleets: their models are not of equal structure"
        callbacks.report(untrained[0][0], Note(text))
    for alike in fleets:
        try:
            _check_data(*alike[0], dataset)
        except Exception as error:  # A dataset may raise anything; without it there is nothing to train on.
            if isinstance(error, UserError) and not isinstance(error, ContractError):
                raise  # There is nothing to be recorded: it can be mended.
            for trial, _ in alike:
                callbacks.failed(trial, error)
                for state, _ in earlier[trial.id]:
                    callbacks.failed(state, error)
            continue
        models |= _train_alike(alike, earlier, how)
    return models


@dataclass(frozen=True)
class _How:
    """What trainings have in common; attributes as the arguments of `train`."""

    dataset: Dataset
    folder: ResultsFolder
    callbacks: "Callbacks"
    engine: str
    checkpoint_seconds: float
    keep_checkpoints: bool
    others: Mapping[str, Sequence[str]]

    def beginning(self, trial: Trial) -> Checkpoint | None:
        """Where a training without checkpoints begins: after the steps of another trial, or with none."""
        others = [self.folder.trial(name) for name in self.others.get(trial.id, ())]
        found = furthest_state(others, trial.training.steps, self.dataset.device)
        if found:
            text = f"goes on from step {found.step:,} of trial {found.file.parent.name}"
            self.callbacks.report(trial, Note(text))
        return found


def _with_earlier(
    untrained: Sequence[tuple[Trial, Model]],
) -> tuple[dict[str, list[tuple[Trial, Model]]], list[tuple[Trial, Model]]]:
    """The last state of each training, by whose identities there are its earlier states, from few to many steps."""
    models = {trial.id: model for trial, model in untrained}
    trainings = by_training(trial for trial, _ in untrained)
    earlier = {states[-1].id: [(trial, models[trial.id]) for trial in states[:-1]] for states in trainings}
    return earlier, [(states[-1], models[states[-1].id]) for states in trainings]


def _train_alike(
    alike: Sequence[tuple[Trial, Model]],
    earlier: Mapping[str, Sequence[tuple[Trial, Model]]],
    how: _How,
) -> dict[str, Model]:
    """Train models of equal structure from their checkpoints on; returns those that came to their ends."""
    folder, callbacks = how.folder, how.callbacks

    def failed(trial: Trial, error: Exception) -> None:
        for state in (trial, *(state for state, _ in earlier[trial.id])):
            callbacks.failed(state, error)

    saved: dict[str, list[Checkpoint]] = {}
    for trial, _ in alike:
        try:
            saved[trial.id] = load_checkpoints(folder.trial(trial.id), how.dataset.device, _warn(callbacks, trial))
        except Exception as error:  # Of this trial's files; the others must not suffer.
            failed(trial, error)
    alike = [(trial, model) for trial, model in alike if trial.id in saved]
    if not alike:
        return {}
    together = go_back_together(saved, _warn(callbacks, alike[0][0]))
    chosen = {trial.id: together[trial.id] or how.beginning(trial) for trial, _ in alike}
    # What began in a fleet goes on in one, were it alone: the members of a fleet are laid out otherwise in memory.
    fleet = len(alike) > 1 or any(checkpoint.fleet for checkpoint in chosen.values() if checkpoint)
    trainings: list[TrialTraining] = []
    passed: list[tuple[Trial, Model]] = []
    for trial, model in alike:
        try:
            member_engine = "eager" if fleet else how.engine
            training = TrialTraining.at_its_beginning(
                trial, model, how.dataset, folder.trial(trial.id), member_engine, callbacks
            )
            if checkpoint := chosen[trial.id]:
                training.resume(checkpoint, _warn(callbacks, trial))
        except Exception as error:  # The trial's own; the others go on.
            failed(trial, error)
            continue
        states = earlier[trial.id]
        passed += [(state, model) for state, model in states if state.training.steps < training.done]
        ahead = [state for state, _ in states if state.training.steps >= training.done]
        training.earlier = [(state, folder.trial(state.id)) for state in ahead]
        trainings.append(training)
    if trainings:
        with products(alike[0][0].training.precision):
            _run(trainings, how, fleet)
    models = {training.trial.id: training.engine.model for training in trainings if training.finished}
    on_the_way = [each for trial, _ in alike for each in earlier[trial.id] if each not in passed]
    for state, model in on_the_way:
        if _is_trained(model, folder.trial(state.id), _warn(callbacks, state)):
            models[state.id] = model
    if passed:  # What a training is past already, as where a model was damaged, is trained for itself.
        behind, last = _with_earlier(passed)
        models |= _train_alike(last, behind, how)
    return models


def _check_data(trial: Trial, model: Model, dataset: Dataset) -> None:
    """Check the first batch that a trial is trained on, and all labels; later batches are watched as they come.

    Raises:
        UserError: there are not enough images for one, or no pairs of them for a model that learns from pairs.
        ContractError: the dataset does not give what it promises.
    """
    check_declared(dataset, trial.dataset.name)
    batches = Batches(dataset, trial.training.batch_size, trial.seed, trial.training.held_out, model.pairs())
    check_batch(dataset, batches.next_indices(), trial.dataset.name)
    check_all_labels(dataset, trial.dataset.name)


def _alike(untrained: Sequence[tuple[Trial, Model]]) -> list[list[tuple[Trial, Model]]]:
    """Trials grouped by their precision and the structure of their models."""
    if len(untrained) == 1:
        return [list(untrained)]
    groups: dict[object, list[tuple[Trial, Model]]] = {}
    for trial, model in untrained:
        groups.setdefault((trial.training.precision, signature_of(model)), []).append((trial, model))
    return list(groups.values())


def load_weights(model: Model, folder: TrialFolder) -> None:
    """Give a model the parameters that its training ended with.

    Raises:
        DamagedFileError: the file is damaged.
        FileNotFoundError: the trial has not been trained.
    """
    weights, _ = load_model(folder)
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        raise DamagedFileError(f"{folder.model}: damaged, it holds the parameters of another model") from None


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


def _warn(callbacks: "Callbacks", trial: Trial) -> Warn:
    return lambda text: callbacks.report(trial, Alert(text))


@dataclass(frozen=True)
class Trained:
    """What a trained model's file says about its training.

    Attributes:
        seconds: how long it took, s, over all attempts; of a member of a fleet, how long the fleet took.
        provenance: of the process that ended it.
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
        try:
            return cls(float(meta["seconds"]), dict(meta["provenance"]))
        except (KeyError, TypeError, ValueError):
            raise DamagedFileError(f"{folder.model}: damaged, or not the model of a trial") from None


def _run(trainings: Sequence[TrialTraining], how: _How, fleet: bool) -> None:
    remaining = list(trainings)
    try:
        TrainingLoop(
            remaining,
            how.callbacks,
            how.checkpoint_seconds,
            how.engine,
            fleet=fleet,
            keep_checkpoints=how.keep_checkpoints,
        ).run()
    except Interrupted:
        raise
    except Exception as error:  # The engine's own, outside any single trial: it ends all that are left.
        for training in remaining:
            training.fail(error, how.callbacks)
