"""Housekeeping of a results folder: what it holds, how much room that takes, and what need not be kept."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harness.errors import UserError, nearest
from harness.results.earlier import earlier_trials
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome
from harness.results.trial_folder import TrialFolder
from harness.storage.atomic import TEMPORARY, exists, refuse_link, remove, remove_folder, storing
from harness.storage.leases import holder, lease
from harness.storage.location import is_local, remote

Waste = Literal["failed", "unfinished", "others", "orphans", "checkpoints"]
"""What may be pruned: trials that ended badly; that have not ended; of other settings or suites; what is no trial, and
damaged or half-written files; checkpoints of trials that ended."""

IDENTITY = re.compile(r"[0-9a-f]{12}")
"""What a trial's folder is called."""


@dataclass(frozen=True)
class StoredTrial:
    """A trial's folder.

    Attributes:
        folder: the folder.
        title: the trial in words; "" where it is not known what it is.
        state: how it ended, "unfinished", or "no trial".
        own: whether it is of the suite that was run last.
        size: bytes of all its files.
    """

    folder: TrialFolder
    title: str
    state: str
    own: bool
    size: int


def stored_trials(folder: ResultsFolder) -> list[StoredTrial]:
    """Every trial that has a folder, those of the suite first, in its order; then what else lies there."""
    suite = folder.suite
    titles = {trial.id: trial.title for trial in (*suite.trials, *earlier_trials(folder, suite))}
    own = {trial.id for trial in suite.trials}
    sizes: Counter[str] = Counter()
    for file, size in _sizes(folder.path / "trials").items():
        sizes[file.parts[0]] += size
    found = []
    for name in [*(name for name in titles if name in own), *folder.others(suite)]:
        trial = folder.trial(name)
        if exists(trial.path):
            state = _state(trial) if name in titles else "no trial"
            found.append(StoredTrial(trial, titles.get(name, ""), state, name in own, sizes[name]))
    return found


def _state(trial: TrialFolder) -> str:
    return str(result.outcome) if (result := trial.result) else "unfinished"


def sizes_by_kind(folder: ResultsFolder) -> dict[str, tuple[int, int]]:
    """How many files of each kind there are, and how many bytes they take, the largest first."""
    kinds: dict[str, tuple[int, int]] = {}
    for file, size in _sizes(folder.path).items():
        kind = _kind(file)
        count, total = kinds.get(kind, (0, 0))
        kinds[kind] = count + 1, total + size
    return dict(sorted(kinds.items(), key=lambda item: -item[1][1]))


def _kind(file: Path) -> str:
    if TEMPORARY.fullmatch(file.name) or file.name.endswith(".damaged"):
        return "damaged or half-written"
    known = {
        "model.safetensors": "models",
        "checkpoint.safetensors": "checkpoints",
        "previous.safetensors": "checkpoints",
        "history.parquet": "histories",
        "pictures.safetensors": "pictures",
        "log.txt": "logs",
    }
    if file.parts[0] == "comparisons":
        return "comparisons"
    return known.get(file.name, "records" if file.suffix == ".json" else "tables, pages and others")


def _sizes(folder: Path) -> dict[Path, int]:
    """The bytes of each file below a folder or URL, by its path in it."""
    if is_local(folder):
        files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
        return {file.relative_to(folder): file.stat().st_size for file in files}
    root = remote(folder)
    with storing(folder):
        found = root.fs.find(root.path, detail=True)
    return {Path(name.removeprefix(f"{root.path}/")): int(facts["size"]) for name, facts in found.items()}


@dataclass(frozen=True)
class Pruned:
    """Something that was removed, or would be.

    Attributes:
        path: a file or folder.
        size: its bytes.
        reason: why it need not be kept.
        kept: who works on it, so that it stays; "" where nobody does.
    """

    path: Path
    size: int
    reason: str
    kept: str = ""


def prune(folder: ResultsFolder, waste: Iterable[Waste], *, dry_run: bool = False) -> Iterator[Pruned]:
    """Remove what is asked for, but nothing that a run works on; a run trains anew what it needs of it.

    Raises:
        UserError: a part of the folder is a link.
        StorageError: something cannot be removed.
    """
    asked = set(waste)
    for trial in stored_trials(folder):
        trial.folder.refuse_links()
        reason = _reason(trial, asked)
        files = () if reason else _files(trial, asked)
        paths = [(trial.folder.path, trial.size, reason)] if reason else files
        if not paths:
            continue
        if dry_run:
            yield from (Pruned(*each) for each in paths)
            continue
        with lease(trial.folder.lease, lambda: None) as got:
            if got and trial.state not in ("no trial", _state(trial.folder)):
                continue  # A run has done it since it was looked at.
            kept = "" if got else holder(trial.folder.lease)
            for path, size, why in paths:
                if not kept:
                    (remove_folder if reason else remove)(path)
                yield Pruned(path, size, why, kept)


def _reason(trial: StoredTrial, asked: set[Waste]) -> str:
    """Why a whole trial need not be kept; "" if it is to be kept."""
    if trial.state == "no trial":  # What somebody called otherwise than a trial is called is theirs.
        named = IDENTITY.fullmatch(trial.folder.path.name)
        return "is no trial any more" if named and "orphans" in asked else ""
    if not trial.own and "others" in asked:
        return "is of other settings or another suite"
    if trial.state == "unfinished":
        return "has not ended" if "unfinished" in asked else ""
    return trial.state if trial.state != Outcome.FINISHED and "failed" in asked else ""


def _files(trial: StoredTrial, asked: set[Waste]) -> Iterator[tuple[Path, int, str]]:
    """Files of a trial that need not be kept although it is."""
    for file, size in _sizes(trial.folder.path).items():
        kind = _kind(file)
        if kind == "damaged or half-written" and "orphans" in asked:
            yield trial.folder.path / file, size, f"is {kind}"
        if kind == "checkpoints" and "checkpoints" in asked and trial.state != "unfinished":
            yield trial.folder.path / file, size, "the trial has ended"


def relabel(folder: ResultsFolder, old: str, new: str) -> int:
    """Give the trials of a label another one; they stay the same trials, whose identities know no label.

    Returns:
        How many trials the suite has of it.

    Raises:
        UserError: there is no such label, the new one is taken or empty, or a run works on one of the trials.
        StorageError: a file cannot be written.
    """
    suite = folder.suite
    labels = {trial.label for trial in suite.trials}
    if old not in labels:
        raise UserError(f"{folder.path}: there is no label '{old}'; {nearest(old, labels)}")
    if not new.strip() or new in labels:
        raise UserError(f"{folder.path}: the label '{new}' is {'taken' if new in labels else 'empty'}; choose another")
    renamed = [trial for trial in suite.trials if trial.label == old]
    for trial in renamed:
        own = folder.trial(trial.id)
        refuse_link(own.path)
        if not exists(own.trial_file):
            continue
        with lease(own.lease, lambda: None) as got:
            if got is None:
                raise UserError(f"{own.path}: {holder(own.lease)} works on it; stop that run first")
            with suppress(FileNotFoundError):
                own.write_trial(replace(trial, label=new))
    trials = [replace(trial, label=new) if trial.label == old else trial for trial in suite.trials]
    folder.write_suite(replace(suite, trials=tuple(trials)))
    return len(renamed)
