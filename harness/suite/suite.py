"""Suites: a TOML file becomes a checked list of trials."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import InstanceOf

from harness.config import SettingsError, parse
from harness.errors import UserError
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.suite.adaptive import AdaptiveSearch
from harness.suite.expansion import Data, Expansion, check_distinct
from harness.suite.file import read_suite_file, with_overrides
from harness.suite.halving import successive_halving
from harness.suite.misplaced import with_places
from harness.suite.resolve import choose
from harness.suite.sampled import sampled_search
from harness.suite.schema import SuiteFile
from harness.suite.trial import Choice, Trial, checked


@dataclass(frozen=True)
class Suite:
    """A checked suite: nothing in it is unknown, and every setting is resolved.

    Attributes:
        title: what it is for.
        name: of its file.
        trials: all that are known; of a search those that it has come to.
        metrics: what models are scored by.
        selectors: what chooses among them.
        evaluation_seed: of what metrics and selectors draw.
        searches: what chooses further trials by the results of earlier ones; no part of what is recorded.
    """

    title: str
    name: str
    trials: tuple[Trial, ...]
    metrics: tuple[Choice, ...]
    selectors: tuple[Choice, ...]
    evaluation_seed: int
    searches: tuple[InstanceOf[AdaptiveSearch], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data: what a results folder remembers of the suite."""
        return {
            "title": self.title,
            "name": self.name,
            "trials": [trial.to_json() for trial in self.trials],
            "metrics": [metric.to_json() for metric in self.metrics],
            "selectors": [selector.to_json() for selector in self.selectors],
            "evaluation_seed": self.evaluation_seed,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Suite":
        """The opposite of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: something in the data is missing or of another type.
        """
        suite = checked(cls, {**data, "trials": [Trial.from_json(trial) for trial in data["trials"]]})
        if not suite.trials:
            raise ValueError("a suite has trials")
        return suite


def load_suite(path: Path, registry: Registry, overrides: Sequence[str] = ()) -> Suite:
    """Read, override and check a suite. Of data files that are there the content is looked at, see `Choice.data`.

    Args:
        path: the TOML file.
        registry: the models, datasets, metrics and selectors there are.
        overrides: texts such as "training.steps=100" or "models.beta-vae.config.beta=2".

    Raises:
        UserError: anything in the file is unknown, mistyped, out of range or does not fit together.
    """
    content = read_suite_file(path, overrides)
    if not path.stem.strip("."):
        raise UserError(f"{path}: a suite's file has a name before .toml, which its results folder gets")
    return _checked_suite(content, path.stem, registry, path.parent.absolute())


def make_suite(
    content: Mapping[str, Any],
    registry: Registry | None = None,
    *,
    name: str = "study",
    overrides: Sequence[str] = (),
) -> Suite:
    """Check a suite that is written in Python: the tables and keys of a TOML file as dictionaries and lists.

    Args:
        content: such as {"dataset": {"name": "sprites"}, "models": [{"name": "beta-vae"}]}. Relative paths are below
            the working directory.
        registry: the models, datasets, metrics and selectors there are; by default those of installed plugins.
        name: what the suite's results folder and tables call it.
        overrides: texts such as "training.steps=100".

    Raises:
        UserError: as `load_suite`.
    """
    if registry is None:
        registry = PluginManager().registry
    return _checked_suite(with_overrides(content, overrides, name), name, registry, Path().absolute())


def _checked_suite(content: Mapping[str, Any], name: str, registry: Registry, folder: Path) -> Suite:
    """A suite of plain content; relative paths are below `folder`."""
    try:
        return _suite(content, name, registry, folder)
    except SettingsError as error:
        raise with_places(error, content, registry) from None


def _suite(content: Mapping[str, Any], name: str, registry: Registry, folder: Path) -> Suite:
    table = parse(SuiteFile, content, "")
    data = Data.of(registry, choose(registry, "datasets", table.dataset, "dataset", folder))
    trials: list[Trial] = []
    searches: list[AdaptiveSearch] = []
    for index, entry in enumerate(table.models):
        expansion = Expansion(registry, table, entry, f"models[{index}]", data, folder)
        if search := sampled_search(expansion) or successive_halving(expansion):
            searches.append(search)
            trials += search.first()
        else:
            states = (expansion.states(point, table.evaluation.at, "evaluation.at") for point in expansion.points)
            trials += [trial for found in states for seeds in found for trial in seeds]
    check_distinct([*trials, *(trial for search in searches for trial in search.later())])
    metrics = _choose_all(registry, "metrics", table.evaluation.metrics, folder)
    aims = [search.aim.choice for search in searches if search.aim.kind == "metric" and search.aim.choice]
    return Suite(
        title=table.title or name,
        name=name,
        trials=tuple(trials),
        metrics=_each_once([*metrics, *aims]),
        selectors=_each_once(_choose_all(registry, "selectors", table.evaluation.selectors, folder)),
        evaluation_seed=table.evaluation.seed,
        searches=tuple(searches),
    )


def _each_once(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    return tuple({choice.key: choice for choice in choices}.values())


def _choose_all(
    registry: Registry, kind: str, items: Sequence[str | Mapping[str, Any]], folder: Path
) -> Iterator[Choice]:
    for index, item in enumerate(items):
        yield choose(registry, kind, item, f"evaluation.{kind}[{index}]", folder)
