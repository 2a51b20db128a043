"""Searches by a sampler: settings suggested by what earlier ones were worth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from harness.config import Settings, parse
from harness.errors import UserError
from harness.sampler import Axis, Interval, Sampler
from harness.suite.adaptive import AdaptiveSearch, Rounds, Values
from harness.suite.aim import Aim, resolve_aim
from harness.suite.expansion import Expansion
from harness.suite.search import RANDOM, Search, axes
from harness.suite.sweep import Point
from harness.suite.trial import Trial

TRIES = 100
"""Suggestions in a row that have been made before, after which a search is over."""


@dataclass(frozen=True)
class SampledSearch(AdaptiveSearch):
    """The search of one `[[models]]` table by a sampler.

    Attributes:
        expansion: what makes trials of settings.
        search: the table.
        aim: what settings are preferred by, on average over their seeds.
        space: the values that each setting may have.
        sampler: the class of the sampler.
        config: its settings.
    """

    expansion: Expansion
    search: Search
    aim: Aim
    space: Mapping[str, Axis]
    sampler: type[Sampler]
    config: Settings

    def rounds(self) -> Rounds:
        """The trials of some suggestions at once, and so on until the budget is used or nothing new is suggested."""
        run = _Suggestions(self.sampler(self.config, self.space, self.search.seed), self.space)
        left = self.search.budget
        while True:
            points = run.next(min(left, self.search.at_once))
            left -= len(points)
            at = self.expansion.table.evaluation.at
            states = [self.expansion.states(point, at, "evaluation.at") for point in points.values()]
            trials = [trial for found in states for seeds in found for trial in seeds]
            if not left or not points:
                return trials
            values = yield trials
            for number, found in zip(points, states, strict=True):
                run.tell(number, _mean(found[-1], values))

    def outlook(self) -> str:
        """How many settings are suggested, and how many at once."""
        search = self.search
        told = f"{search.budget} settings of {self.expansion.label} are suggested by {self.sampler.__name__}"
        return f"{told}, {search.at_once} at once, by {self.aim}"


class _Suggestions:
    """A sampler at work, each of whose suggestions is tried once."""

    def __init__(self, sampler: Sampler, space: Mapping[str, Axis]) -> None:
        self._sampler = sampler
        self._space = space
        self._made = 0
        self._numbers: dict[str, int] = {}
        self._worth: dict[int, float] = {}

    def next(self, count: int) -> dict[int, Point]:
        """So many suggestions that are new, or fewer, by their numbers."""
        found: dict[int, Point] = {}
        repeated = 0
        while len(found) < count and repeated < TRIES:
            point = {name: _in_space(self._space[name], value) for name, value in self._sampler.suggest().items()}
            number, self._made = self._made, self._made + 1
            if (earlier := self._numbers.setdefault(repr(sorted(point.items())), number)) == number:
                found[number], repeated = point, 0
            else:
                self._sampler.tell(number, self._worth.get(earlier, math.nan))
                repeated += 1
        return found

    def tell(self, number: int, value: float) -> None:
        """Learn what a suggestion is worth."""
        self._worth[number] = value
        self._sampler.tell(number, value)


def _in_space(axis: Axis, value: Any) -> Any:
    return axis.nearest(value) if isinstance(axis, Interval) else value


def _mean(trials: Sequence[Trial], values: Values) -> float:
    """What a setting is worth: the mean over seeds, NaN if one of them failed."""
    return fmean(values[trial.id] for trial in trials)


def sampled_search(expansion: Expansion) -> SampledSearch | None:
    """The search by a sampler of a `[[models]]` table, if it has one that looks at results.

    Raises:
        UserError: there is no such sampler, its aim is missing or unknown, the space is wrong, or what the table says
            beside the search does not go with it.
    """
    search, place = expansion.entry.search, f"{expansion.place}.search"
    if search is None:
        return None
    settings = {"name": search.sampler} if isinstance(search.sampler, str) else dict(search.sampler)
    name = settings.pop("name", None)
    if name == RANDOM:
        if search.aim is not None:
            raise UserError(f"{place}.aim: random settings have none; name a `sampler`, or drop it")
        return None
    if expansion.entry.halving or expansion.entry.sweep:
        other = "halving" if expansion.entry.halving else "sweep"
        raise UserError(f"{expansion.place}.{other}: it needs known settings, and {place}.sampler suggests them")
    if search.aim is None:
        raise UserError(f"{place}.aim: this key is required where a sampler looks at results")
    if not isinstance(name, str):
        raise UserError(f"{place}.sampler.name: this key is required and is a text")
    sampler = expansion.registry.find("samplers", name, f"{place}.sampler").load()
    config = parse(sampler.Config, settings, f"{place}.sampler")
    space = axes(search, place)
    expansion.check_names(space)
    aim = resolve_aim(expansion.registry, search.aim, f"{place}.aim", expansion.folder)
    return SampledSearch(expansion, search, aim, space, sampler, config)
