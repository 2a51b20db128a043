"""Progress of a run from Python, where a person looks on: a line for each trial that ends."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.errors import printable
from harness.plugins.hookspecs import hookimpl
from harness.plugins.manager import PluginManager
from harness.results.result import Outcome, Result
from harness.suite.suite import Suite
from harness.suite.trial import Trial


class ProgressLines:
    """An observer that prints a line for each trial that ends, with its scores."""

    def __init__(self) -> None:
        self.done = 0
        self.total = 0

    @hookimpl
    def harness_suite_started(self, suite: Suite, trials: Sequence[Trial], folder: Path) -> None:
        """Say what is to be done."""
        self.done, self.total = 0, len(trials)
        if trials:
            _print(f"{suite.title}: {len(trials)} of {len(suite.trials)} trials to do, into {folder}")

    @hookimpl
    def harness_trials_chosen(self, trials: Sequence[Trial]) -> None:
        """Say how many trials were chosen to be trained further."""
        self.total += len(trials)
        _print(f"{len(trials)} more trials, chosen by {trials[0].chosen_by}")

    @hookimpl
    def harness_trial_finished(self, trial: Trial, result: Result) -> None:
        """Say how a trial ended."""
        self.done += 1
        scores = ", ".join(f"{found.metric} {found.score:.3g}" for found in result.scores if found.score is not None)
        end = scores or "finished" if result.outcome is Outcome.FINISHED else f"{result.outcome}: {result.reason}"
        _print(f"[{self.done}/{self.total}] {trial.title}: {end}")


def _print(line: str) -> None:
    print(printable(line), flush=True)


@contextmanager
def progress_lines(manager: PluginManager, *, shown: bool | None) -> Iterator[None]:
    """Print progress meanwhile: if `shown`, or, if that is None, in notebooks and on terminals."""
    if not (_somebody_looks() if shown is None else shown):
        yield
        return
    observer = ProgressLines()
    manager.pluggy.register(observer)
    try:
        yield
    finally:
        manager.pluggy.unregister(observer)


def _somebody_looks() -> bool:
    return "ipykernel" in sys.modules or (sys.stdout is not None and sys.stdout.isatty())
