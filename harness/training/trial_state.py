"""The saved state of a training: the last of it that is good, with whatever is damaged set aside."""

import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.errors import DamagedFileError, StorageError
from harness.results.trial_folder import TrialFolder
from harness.rng import Rng
from harness.storage.atomic import exists, move, remove, set_aside
from harness.storage.tensors import load_tensors, save_tensors
from harness.training.engines.eager import DRAWS_STATE

State = tuple[dict[str, Tensor], dict[str, Any]]

Warn = Callable[[str], None]
"""Is told in a line what was damaged."""


def save_checkpoint(folder: TrialFolder, state: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write a checkpoint and keep the one before.

    Raises:
        StorageError: it cannot be written.
    """
    if exists(folder.checkpoint):
        move(folder.checkpoint, folder.previous_checkpoint)
    save_tensors(folder.checkpoint, state, {"trial": folder.path.name, **meta})


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been read and is whole.

    Attributes:
        file: where it is.
        step: steps done.
        threads: CPU threads that it was trained with.
        seconds: what the training has taken, s, over all attempts.
        fleet: the step of each trial that was saved with it, by id; empty for a trial that is no member of a fleet.
        generator: bytes of its generator's state, which tell on which kind of device it was trained.
    """

    file: Path
    step: int
    threads: int
    seconds: float
    fleet: Mapping[str, int]
    generator: int

    def suits(self, device: torch.device) -> bool:
        """Whether a training on this device can go on from it; numbers drawn on another kind would be other ones."""
        return self.generator == Rng(0, device).state.numel()

    def state(self) -> dict[str, Tensor]:
        """Every tensor that the training continues from.

        Raises:
            StorageError: the file cannot be read any more, or is not what it was: another run may train the trial.
        """
        with suppress(FileNotFoundError, DamagedFileError):
            state, meta = load_tensors(self.file)
            if meta.get("step") == self.step:
                return state
        raise StorageError(errno.ESTALE, "it was removed or written anew while it was read", self.file)


def load_checkpoints(folder: TrialFolder, device: torch.device, warn: Warn) -> list[Checkpoint]:
    """The good checkpoints of a trial, newest first; damaged ones are set aside.

    Those of another kind of device are left out: nothing can go on from them here.

    The one before the last matters to members of a fleet alone, or where the last is damaged.
    """
    found: list[Checkpoint] = []
    for file in (folder.checkpoint, folder.previous_checkpoint):
        if found and not found[0].fleet:
            break
        try:
            checkpoint = _read_checkpoint(folder, file)
            if checkpoint.suits(device):
                found.append(checkpoint)
            else:
                warn(f"{file}: passed over, it was trained on another kind of device than this {device.type}")
        except FileNotFoundError:
            continue
        except KeyError as error:
            warn(f"{file}: a checkpoint without {error}; it is {set_aside(file).name} now")
        except DamagedFileError as error:
            warn(f"{error}; it is {set_aside(file).name} now")
    return found


def _read_checkpoint(folder: TrialFolder, file: Path) -> Checkpoint:
    """A checkpoint of a trial.

    Raises:
        FileNotFoundError: there is none.
        DamagedFileError: it is damaged, or of another trial.
        KeyError: something is missing in it.
    """
    tensors, meta = load_tensors(file)
    if meta.get("trial", folder.path.name) != folder.path.name:
        raise DamagedFileError(f"{file}: the checkpoint of another trial")
    known = {name: meta[name] for name in ("step", "threads", "seconds", "fleet")}
    return Checkpoint(file, **known, generator=tensors[DRAWS_STATE].numel())


def go_back_together(saved: Mapping[str, Sequence[Checkpoint]], warn: Warn) -> dict[str, Checkpoint | None]:
    """The checkpoint of its own that each trial continues from; None for the beginning.

    Of the members of a fleet, which are saved one after the other, some may be ahead because the rest were killed
    before they were saved. The fleet's next step would then be another than if nothing had happened, so all go back to
    the newest checkpoints that were made together. What was ahead is removed.

    Args:
        saved: the good checkpoints of each trial, newest first, by id.
        warn: told of a fleet that has to begin anew.
    """
    chosen: dict[str, Checkpoint | None] = {}
    for fleet in _fleets(saved):
        if len(fleet) == 1:
            (trial,) = fleet
            chosen[trial] = next(iter(saved[trial]), None)
            continue
        together = [
            {trial: checkpoint for trial in fleet for checkpoint in saved[trial] if checkpoint.fleet == first.fleet}
            for first in saved[min(fleet)]
        ]
        common = next((made for made in together if len(made) == len(fleet)), None)
        if common is None and any(saved[trial] for trial in fleet):
            warn(f"its fleet of {len(fleet)} has no checkpoints that were made together, and begins anew")
        for trial in fleet:
            chosen[trial] = common[trial] if common else None
            for checkpoint in saved[trial]:
                if checkpoint is chosen[trial]:
                    break
                checkpoint.file.unlink(missing_ok=True)
    return chosen


def furthest_state(folders: Iterable[TrialFolder], steps: int, device: torch.device) -> Checkpoint | None:
    """The checkpoint of the most steps, but no more than `steps`, of trials that are states of one training.

    What is missing, damaged or of another kind of device is passed over and left as it is: these trials may be another
    run's.

    Raises:
        StorageError: one cannot be read.
    """
    found: list[Checkpoint] = []
    for folder in folders:
        with suppress(FileNotFoundError, DamagedFileError, KeyError):
            found.append(_read_checkpoint(folder, folder.checkpoint))
    fitting = (each for each in found if each.step <= steps and each.suits(device))
    return max(fitting, key=lambda each: each.step, default=None)


def _fleets(saved: Mapping[str, Sequence[Checkpoint]]) -> list[set[str]]:
    """The trials in groups of those whose last checkpoints name each other."""
    groups: list[set[str]] = []
    for trial, checkpoints in saved.items():
        named = {trial, *(name for checkpoint in checkpoints[:1] for name in checkpoint.fleet)} & saved.keys()
        touched = [group for group in groups if group & named]
        groups = [group for group in groups if not group & named] + [named.union(*touched)]
    return groups


def remove_checkpoints(folder: TrialFolder, *, keep_last: bool) -> None:
    """Remove what a trained model has no more need of; from the last checkpoint a trial of more steps continues."""
    if not keep_last:
        remove(folder.checkpoint)
    remove(folder.previous_checkpoint)


def load_model(folder: TrialFolder) -> State:
    """The parameters that a training ended with, and what is known about it.

    Raises:
        DamagedFileError: the file is damaged, or of another trial.
        FileNotFoundError: the trial has not been trained.
    """
    weights, meta = load_tensors(folder.model)
    if meta.get("trial", folder.path.name) != folder.path.name:
        raise DamagedFileError(f"{folder.model}: the model of another trial")
    return weights, meta


def set_aside_model(folder: TrialFolder) -> str:
    """Set a damaged model aside, and the result with it: its scores are of that model. Says so in words."""
    names = [set_aside(file).name for file in (folder.model, folder.result_file) if exists(file)]
    return f"{' and '.join(names)} are set aside, and the trial is done again"
