"""What a results folder holds beside the suite that was run last: trials of other settings and of other suites."""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from harness.errors import UserError
from harness.results.folder import ResultsFolder
from harness.storage.records import parse_json
from harness.suite.suite import Suite
from harness.suite.trial import Trial


def earlier_trials(folder: ResultsFolder, suite: Suite) -> Iterator[Trial]:
    """The trials in a folder that are none of the suite's; what is no trial, or damaged, is passed over."""
    names = folder.others(suite)
    files = [folder.trial(name).trial_file for name in names]
    for name, file, content in zip(names, files, folder.contents(files), strict=True):
        with suppress(UserError, KeyError, TypeError, ValueError):
            if content is not None and (trial := Trial.from_json(parse_json(file, content))).id == name:
                yield trial


def states_of(
    trials: Sequence[Trial], folder: ResultsFolder, suite: Suite, *, alone: bool = False
) -> dict[str, list[str]]:
    """By a trial's id those of others in the folder that are states of the same training, whatever came of them.

    With `alone` those of the suite alone.
    """
    states: dict[str, list[str]] = {}
    for trial in (*suite.trials, *([] if alone else earlier_trials(folder, suite))):
        states.setdefault(trial.training_key, []).append(trial.id)
    others = {trial.id: [name for name in states[trial.training_key] if name != trial.id] for trial in trials}
    return {name: found for name, found in others.items() if found}


def others_note(folder: ResultsFolder, others: int) -> str:
    """Say that a folder holds so many trials that its tables do not show, and what does."""
    count = f"{others} more trial{'s' if others > 1 else ''} of other settings or another suite"
    return f"{folder.path} holds {count}; `harness leaderboard {shlex.quote(str(folder.path))} --all` shows them too"


def with_earlier_trials(folder: ResultsFolder, suite: Suite) -> Suite:
    """The suite with all other trials of its folder; what trials of one label differ in counts as swept."""
    return replace(suite, trials=tuple(told_apart([*suite.trials, *earlier_trials(folder, suite)])))


def told_apart(trials: Sequence[Trial]) -> list[Trial]:
    """Name trials so that tables can tell them apart: what trials of one label differ in counts as swept.

    A setting that only some of them have, such as a table `[dataset.training]`, is such a difference too.
    """
    facts = [_facts(trial) for trial in trials]
    values: dict[tuple[str, str], Counter[str]] = {}
    for trial, own in zip(trials, facts, strict=True):
        for name, value in own.items():
            values.setdefault((trial.label, name), Counter())[json.dumps(value, sort_keys=True)] += 1
    count = Counter(trial.label for trial in trials)
    alike = {key for key, found in values.items() if list(found.values()) == [count[key[0]]]}
    named = []
    for trial, own in zip(trials, facts, strict=True):
        differing = {name: value for name, value in own.items() if (trial.label, name) not in alike}
        named.append(replace(trial, swept={**trial.swept, **differing}))
    return named


def _facts(trial: Trial) -> dict[str, Any]:
    """All that two trials of one label may differ in, beside the seed."""
    return {
        **trial.model.config,
        **{f"training.{name}": value for name, value in trial.training.values().items()},
        **_flat("dataset", trial.dataset.config),
        "dataset": trial.dataset.name,
        "dataset.version": trial.dataset.version,
        "dataset.data": trial.dataset.data,
        "model": trial.model.name,
        "version": trial.model.version,
    }


def _flat(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """A table's values by their dotted names; of a table inside it those that are set."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(f"{name}.{key}", {inner: each for inner, each in value.items() if each})
        else:
            found[f"{name}.{key}"] = value
    return found
