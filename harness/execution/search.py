"""How far a suite's searches have come: their rounds, done again from the results there are."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.selection.aims import Missing, labels_seen, worth
from harness.suite.adaptive import AdaptiveSearch, Rounds
from harness.suite.expansion import check_distinct
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial


@dataclass(frozen=True)
class SearchState:
    """How far the searches of a suite have come.

    Attributes:
        suite: with every trial that they have come to.
        comparisons: which selectors have to compare which trials before they can go on.
    """

    suite: Suite
    comparisons: Sequence[tuple[Choice, Sequence[Trial]]] = ()


def beginning(suite: Suite) -> Suite:
    """The suite before its searches have chosen any trial."""
    return replace(suite, trials=tuple(trial for trial in suite.trials if not trial.chosen_by))


def search_state(suite: Suite, folder: ResultsFolder, registry: Registry, *, retry_failed: bool = False) -> SearchState:
    """Do the rounds of all searches again, as far as results decide them; they go on side by side.

    With `retry_failed` a comparison that failed is one that they wait for.

    Raises:
        UserError: an aim cannot tell what trials are worth, or a trial is the same as one of another table.
    """
    suite = beginning(suite)
    known = [*suite.trials]
    running: list[tuple[AdaptiveSearch, Rounds, Sequence[Trial]]] = []
    for search in suite.searches:
        rounds = search.rounds()
        with suppress(StopIteration):
            running.append((search, rounds, next(rounds)))
    while running:
        found = [
            worth(search.aim, trials, folder, registry, suite.evaluation_seed, retry_failed=retry_failed)
            for search, _, trials in running
        ]
        values = [each for each in found if not isinstance(each, Missing)]
        if len(values) < len(running):
            missing = [each for each in found if isinstance(each, Missing)]
            comparisons = [(each.selector, each.trials) for each in missing if each.selector]
            return SearchState(_grown(suite, known), comparisons)
        going = []
        for (search, rounds, _), each in zip(running, values, strict=True):
            try:
                trials = rounds.send(each)
                going.append((search, rounds, trials))
            except StopIteration as end:
                trials = end.value
            seen = labels_seen(search.aim, registry)
            known += [replace(trial, chosen_by=str(search.aim), labels_seen=seen) for trial in trials]
        running = going
    return SearchState(_grown(suite, known))


def _grown(suite: Suite, trials: Sequence[Trial]) -> Suite:
    check_distinct(trials)
    return replace(suite, trials=tuple(trials))
