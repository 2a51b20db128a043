"""Searches whose later trials depend on the results of earlier ones."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import TypeAlias, cast

from harness.suite.aim import Aim
from harness.suite.trial import Trial

Values: TypeAlias = Mapping[str, float]
"""What trials are worth by a search's aim, by their ids; larger is better, NaN for one that failed."""

Rounds: TypeAlias = Generator[Sequence[Trial], Values, Sequence[Trial]]
"""Gives the trials of a round and takes what those are worth, and so on; returns those of the last round."""


class AdaptiveSearch(ABC):
    """A search that goes on in rounds.

    It has no memory of its own: its state is the results of its trials, from which `rounds` comes to the same trials
    whenever it is begun anew.

    Attributes:
        aim: what it prefers trials by.
    """

    aim: Aim

    @abstractmethod
    def rounds(self) -> Rounds:
        """The trials of each round, by what those of the round before are worth; the same ones for the same values."""

    @abstractmethod
    def outlook(self) -> str:
        """What is still to come, in a line, for a person who looks before the search has begun."""

    def first(self) -> Sequence[Trial]:
        """The trials of the first round, which no results decide."""
        try:
            return next(self.rounds())
        except StopIteration as end:
            return cast("Sequence[Trial]", end.value)

    def later(self) -> Sequence[Trial]:
        """Those trials of later rounds that it may come to and that are known beforehand."""
        return ()
