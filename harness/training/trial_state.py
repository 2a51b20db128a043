"""The saved state of a training: the last of it that is good, with whatever is damaged set aside."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from harness.errors import DamagedFileError
from harness.results.folder import TrialFolder
from harness.storage.atomic import move, set_aside
from harness.storage.tensors import load_tensors, save_tensors

State = tuple[dict[str, Tensor], dict[str, Any]]

Warn = Callable[[str], None]
"""Is told in a line what was damaged."""


def save_checkpoint(folder: TrialFolder, state: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write a checkpoint and keep the one before.

    Raises:
        StorageError: it cannot be written.
    """
    if folder.checkpoint.exists():
        move(folder.checkpoint, folder.previous_checkpoint)
    save_tensors(folder.checkpoint, state, {"trial": folder.path.name, **meta})


def load_checkpoint(folder: TrialFolder, warn: Warn) -> State | None:
    """The last checkpoint that is good; None if there is none."""
    for file in (folder.checkpoint, folder.previous_checkpoint):
        try:
            state, meta = load_tensors(file)
            if meta.get("trial", folder.path.name) != folder.path.name:
                raise DamagedFileError(f"{file}: the checkpoint of another trial")
            return state, meta
        except FileNotFoundError:
            continue
        except DamagedFileError as error:
            warn(f"{error}; it is {set_aside(file).name} now")
    return None


def remove_checkpoints(folder: TrialFolder) -> None:
    """Remove what a trained model has no more need of."""
    folder.checkpoint.unlink(missing_ok=True)
    folder.previous_checkpoint.unlink(missing_ok=True)


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
    names = [set_aside(file).name for file in (folder.model, folder.result_file) if file.exists()]
    return f"{' and '.join(names)} are set aside, and the trial is done again"
