"""The status of a study: its results, read once, and what follows from them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result
from harness.suite.suite import Suite
from harness.suite.trial import Trial, by_training, score_key


@dataclass(frozen=True)
class StudyStatus:
    """A snapshot of a suite's results. What other runs write later is not in it; read another one then.

    Attributes:
        suite: whose trials these are, and in whose order they are listed.
        results: how trials ended, by their ids; trials that have not ended are missing.
        state: what tables made from this snapshot are made from, see `ResultsFolder.state`.
    """

    suite: Suite
    results: Mapping[str, Result]
    state: str = ""

    @classmethod
    def read(cls, suite: Suite, folder: ResultsFolder) -> Self:
        """Read every result of a suite; a damaged one counts as missing, which is logged."""
        state = folder.state(suite)  # First: what is written from now on makes the tables old.
        return cls(suite, {trial.id: result for trial, result in folder.results(suite.trials) if result}, state)

    @cached_property
    def pending(self) -> Sequence[Trial]:
        """Trials that have something left to do, see `has_work`."""
        return self.left()

    @cached_property
    def finished(self) -> Sequence[Trial]:
        """Trials that were trained to their end."""
        return [trial for trial, result in self.ended if result.outcome is Outcome.FINISHED]

    @cached_property
    def candidates(self) -> Sequence[Trial]:
        """What selectors choose among: trials that are finished, but for the earlier states of others' trainings."""
        kept = {states[-1].id for label in self._by_label for states in by_training(label)}
        return [trial for trial in self.finished if trial.id in kept]

    @property
    def _by_label(self) -> Iterable[Sequence[Trial]]:
        labels: dict[str, list[Trial]] = {}
        for trial in self.suite.trials:
            labels.setdefault(trial.label, []).append(trial)
        return labels.values()

    @cached_property
    def failures(self) -> Sequence[str]:
        """Everything that went wrong in trials and their metrics, a line each, to be shown as failures."""
        return [
            f"{trial.title} ({trial.id}): {line.removeprefix(f'{Outcome.FAILED}: ')}"
            for trial, result in self.ended
            for line in result.failures
        ]

    @property
    def ended(self) -> Sequence[tuple[Trial, Result]]:
        """Trials that have ended, well or badly, and how."""
        return [(trial, self.results[trial.id]) for trial in self.suite.trials if trial.id in self.results]

    def thread_note(self, threads: int) -> str:
        """Say that trials were trained with another number of CPU threads than a run will use; "" if none was."""
        used = Counter(int(result.provenance.get("threads", threads)) for _, result in self.ended)
        others = [f"{count} with {number}" for number, count in sorted(used.items()) if number != threads]
        if not others:
            return ""
        return (
            f"of {used.total()} trials done before, {' and '.join(others)} CPU thread(s) each; this run gives each "
            f"{threads}. Numbers depend on it in their last bits, and scores after many steps: --threads sets it, "
            "--fresh does all again"
        )

    def left(self, *, retry_failed: bool = False) -> Sequence[Trial]:
        """Trials that have something left to do, see `has_work`."""
        keys = [score_key(metric, self.suite.evaluation_seed) for metric in self.suite.metrics]
        trials = self.suite.trials
        return [trial for trial in trials if has_work(self.results.get(trial.id), keys, retry_failed=retry_failed)]


def has_work(result: Result | None, keys: Sequence[str], *, retry_failed: bool = False) -> bool:
    """Whether a trial has something left to do.

    A trial that ended badly, or a metric that failed, is left as it is unless `retry_failed`.

    Args:
        result: how the trial ended; None if it has not.
        keys: of the scores that it should have, see `harness.suite.trial.score_key`.
        retry_failed: whether what failed is to be tried again.
    """
    if result is None:
        return True
    if result.outcome is not Outcome.FINISHED:
        return retry_failed
    records = {record.key: record for record in result.scores}
    found = [records.get(key) for key in keys]
    return any(record is None or (retry_failed and record.status == "failed") for record in found)
