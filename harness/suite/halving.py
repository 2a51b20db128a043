"""Successive halving: settings that do badly after some steps are trained no further.

Jamieson & Talwalkar (2016), Non-stochastic Best Arm Identification and Hyperparameter Optimization, arXiv:1502.07943.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import UserError
from harness.suite.adaptive import AdaptiveSearch, Rounds, Values
from harness.suite.aim import Aim, resolve_aim
from harness.suite.expansion import Expansion
from harness.suite.trial import Trial


@dataclass(frozen=True)
class SuccessiveHalving(AdaptiveSearch):
    """The successive halving of the settings of one `[[models]]` table.

    Attributes:
        label: what tables call its trials.
        aim: what settings are preferred by.
        keep: the share of settings that is trained on.
        settings: of each setting the trials after so many steps, from few to all, each a list over seeds.
    """

    label: str
    aim: Aim
    keep: float
    settings: Sequence[Sequence[Sequence[Trial]]]

    def rounds(self) -> Rounds:
        """The trials of each rung: those of the best settings of the rung before, by the mean over seeds."""
        going = list(range(len(self.settings)))
        last = len(self.settings[0]) - 1
        for rung in range(last):
            trials = {position: self.settings[position][rung] for position in going}
            values = yield [trial for seeds in trials.values() for trial in seeds]
            going = _best(
                {position: _merit(seeds, values) for position, seeds in trials.items()}, self._kept(len(going))
            )
        return [trial for position in going for trial in self.settings[position][last]]

    def later(self) -> Sequence[Trial]:
        """The trials of every setting after the first rung."""
        return [trial for rungs in self.settings for seeds in rungs[1:] for trial in seeds]

    def outlook(self) -> str:
        """How many settings go on after how many steps."""
        count, told = len(self.settings), []
        for state in self.settings[0][:-1]:
            count = self._kept(count)
            told.append(f"{count} after {state[0].training.steps:,} steps")
        return f"of {len(self.settings)} settings of {self.label} go on {', '.join(told)}, by {self.aim}"

    def _kept(self, settings: int) -> int:
        return max(1, math.floor(settings * self.keep + 1e-9))


def _best(merits: Mapping[int, tuple[int, float]], count: int) -> list[int]:
    """The settings with the largest merits, in their order; those without any value are not among them."""
    ranked = sorted(
        (position for position in merits if merits[position][0]), key=lambda each: merits[each], reverse=True
    )
    return sorted(ranked[:count])


def _merit(trials: Sequence[Trial], values: Values) -> tuple[int, float]:
    """How many seeds of a setting came to an end, and their mean: one that fails on some seeds is behind all others."""
    found = [values[trial.id] for trial in trials if np.isfinite(values[trial.id])]
    return len(found), float(np.mean(found)) if found else -math.inf


def successive_halving(expansion: Expansion) -> SuccessiveHalving | None:
    """The successive halving of a `[[models]]` table, if it has one.

    Raises:
        UserError: its steps are not before the last of the training, or are swept or listed for evaluation, too; the
            aim is unknown.
    """
    halving, table = expansion.entry.halving, f"{expansion.place}.halving"
    if halving is None:
        return None
    if expansion.table.evaluation.at:
        raise UserError(f"evaluation.at: {table}.at lists steps, too; keep one")
    settings = [expansion.states(point, halving.at, f"{table}.at") for point in expansion.points]
    last = settings[0][-1][0].training.steps
    if late := [steps for steps in halving.at if steps >= last]:
        raise UserError(f"{table}.at: {late[0]} is not before the last step, training.steps = {last}")
    if len(settings) < 2:
        raise UserError(f"{table}: there is one setting, and nothing to choose; sweep or search one")
    aim = resolve_aim(expansion.registry, halving.aim, f"{table}.aim", expansion.folder)
    return SuccessiveHalving(expansion.label, aim, halving.keep, settings)
