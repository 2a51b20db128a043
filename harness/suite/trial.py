"""The identity of one trial: everything that decides its numbers, as plain data."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from harness.suite.schema import Training

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def digest(data: object, length: int = 12) -> str:
    """The first hexadecimal digits of the SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:length]


def checked(cls: type[T], data: object) -> T:
    """A dataclass from plain data, each field of which has the declared type.

    Raises:
        ValueError: a field is missing or of another type.
    """
    from pydantic import TypeAdapter

    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    made: T = _adapters[cls].validate_python(data)
    return made


_adapters: dict[type, "TypeAdapter[Any]"] = {}
"""Made once for each dataclass."""


@dataclass(frozen=True)
class Choice:
    """A registered thing by name, with every setting resolved and the version of its plugin.

    Attributes:
        name: its registered name.
        config: its settings.
        version: of its plugin; the files of one that may be edited are part of it.
        files: digests of the files that its settings name, by path.
        data: digest of the files that a dataset reads; "" where it has none or where they were not there.
        plugin: the distribution or file that it is from, for people; no part of what it is.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    data: str = ""
    plugin: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """A short name of the content."""
        return digest(self.identity)

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides its numbers, as plain data: the digests of files stand in the place of their paths."""
        found = {"name": self.name, "config": _with_content(dict(self.config), self.files), "version": self.version}
        return {**found, "data": self.data} if self.data else found

    def to_json(self) -> dict[str, Any]:
        """Turn the choice into plain data, which JSON can hold."""
        return {**vars(self), "config": dict(self.config), "files": dict(self.files)}


@dataclass(frozen=True)
class Trial:
    """One model with one set of hyperparameters and one seed on one dataset.

    Plain data, so that it travels to any process. `label` and `swept` only name it for people; `chosen_by` and
    `labels_seen` say what chose it to be trained, if something did, and what of labels that has seen.
    """

    dataset: Choice
    model: Choice
    training: Training
    seed: int
    label: str = ""
    swept: Mapping[str, Any] = field(default_factory=dict)
    chosen_by: str = ""
    labels_seen: str = ""

    @cached_property
    def id(self) -> str:
        """A hash of everything that decides the trial's numbers."""
        return digest([self.dataset.identity, self.model.identity, self.training.values(), self.seed])

    @cached_property
    def training_key(self) -> str:
        """Names the training of which the trial is the state after so many steps: trials that share it share steps."""
        training = {name: value for name, value in self.training.values().items() if name != "steps"}
        return digest([self.dataset.identity, self.model.identity, training, self.seed])

    @property
    def title(self) -> str:
        """The trial in words: label, swept settings and seed."""
        return " ".join([self.setting, f"seed={self.seed}"])

    @property
    def setting(self) -> str:
        """The trial without its seed, in words."""
        return " ".join([self.label, *(f"{name}={value}" for name, value in self.swept.items())])

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the identity beside it."""
        return {
            "id": self.id,
            "dataset": self.dataset.to_json(),
            "model": self.model.to_json(),
            "training": self.training.values(),
            "seed": self.seed,
            "label": self.label,
            "swept": dict(self.swept),
            **({"chosen_by": self.chosen_by, "labels_seen": self.labels_seen} if self.chosen_by else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of `to_json`.

        Raises:
            ValueError: something in the data is missing or of another type.
        """
        trial: Self = checked(cls, data)
        if trial.training.model_fields_set != set(Training.model_fields):
            raise ValueError("a trial's record has every setting of its training")
        return trial


def by_training(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Trials that are states of one training together, from few to many steps; in the order of the first of each."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.training_key, []).append(trial)
    return [sorted(states, key=lambda trial: trial.training.steps) for states in found.values()]


def _with_content(value: Any, files: Mapping[str, str]) -> Any:
    """Settings with the digest of each file in the place of its path."""
    if isinstance(value, dict):
        return {name: _with_content(item, files) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_content(item, files) for item in value]
    return files.get(value, value) if isinstance(value, str) else value


def score_key(metric: Choice, seed: int) -> str:
    """Names a score by its content: the metric, its settings and version, and the evaluation's seed."""
    return digest([metric.identity, seed])
