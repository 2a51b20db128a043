"""What every sampler must do, in a space of each kind of setting."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.config import Settings, parse
from harness.sampler import Axis, Interval, Sampler
from harness.testing.check import require, require_words, unmoved

SPACE: Mapping[str, Axis] = {
    "rate": Interval.model_validate({"from": 1e-4, "to": 1.0, "scale": "log"}),
    "weight": Interval.model_validate({"from": 0.0, "to": 2.5}),
    "codes": Interval.model_validate({"from": 2, "to": 16}),
    "networks": ["small", "large", "deep"],
}
ROUNDS, AT_ONCE = 8, 4
"""Suggestions are made so many at once, before any of them is told; then those of the next round."""


@dataclass(frozen=True)
class SamplerSubject:
    """A sampler's class and its settings."""

    sampler: type[Sampler]
    config: Settings

    @classmethod
    def of(cls, sampler: type[Sampler], settings: Mapping[str, object]) -> "SamplerSubject":
        """A subject.

        Raises:
            UserError: a setting is wrong.
        """
        return cls(sampler, parse(sampler.Config, settings, sampler.__name__))

    def made(self) -> Sampler:
        """A new sampler that knows no results."""
        return unmoved(self.sampler, self.config, SPACE, 7)


def worth(number: int, point: Mapping[str, Any]) -> float:
    """What a suggestion is worth: best at a rate of 0.01 and 10 codes; every fifth one fails."""
    if number % 5 == 4:
        return math.nan
    return float(-((math.log10(point["rate"]) + 2) ** 2) - 0.1 * abs(point["codes"] - 10))


def searched(sampler: Sampler) -> list[dict[str, Any]]:
    """Do a whole search; returns what was suggested, in order."""
    found: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        points = [dict(unmoved(sampler.suggest)) for _ in range(AT_ONCE)]
        for number, point in enumerate(points, start=len(found)):
            require_of_space(point)
            unmoved(sampler.tell, number, worth(number, point))
        found += points
    return found


def require_of_space(point: Mapping[str, Any]) -> None:
    """Raise CheckFailed unless a suggestion has a value of the space for each of its settings and nothing else."""
    require(point.keys() == SPACE.keys(), f"suggest a value for each of {', '.join(SPACE)}, not for {', '.join(point)}")
    for name, value in point.items():
        axis = SPACE[name]
        if not isinstance(axis, Interval):
            require(value in axis, f"suggest an item of the list {axis} for {name}, not {value!r}")
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        inside = number and axis.start <= value <= axis.end
        require(inside, f"suggest a number from {axis.start} to {axis.end} for {name}, not {value!r:.40}")


def sampler_says_what_it_is(subject: SamplerSubject) -> None:
    """The class and its settings are described."""
    require_words(subject.sampler, subject.sampler.Config)


def suggests_settings_of_the_space(subject: SamplerSubject) -> None:
    """Several suggestions at once are of the space, and go on when results are told, of which some failed."""
    searched(subject.made())


def suggests_again_what_it_suggested(subject: SamplerSubject) -> None:
    """A search that is done again suggests the same; everything that is drawn follows from the seed."""
    require(
        searched(subject.made()) == searched(subject.made()),
        "the same seed and results bring other suggestions: draw from a generator of your own, made from `seed`",
    )


def tries_several_settings(subject: SamplerSubject) -> None:
    """Suggestions differ: one that was made before is not tried again."""
    points = searched(subject.made())
    different = len({repr(sorted(point.items())) for point in points})
    require(2 * different > len(points), f"of {len(points)} suggestions only {different} are different")


SAMPLER_CHECKS = (
    sampler_says_what_it_is,
    suggests_settings_of_the_space,
    suggests_again_what_it_suggested,
    tries_several_settings,
)
