"""How a study stands: what of its suite is left to do, what was done, and what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result
from harness.suite.suite import Suite
from harness.suite.trial import Trial, score_key


@dataclass(frozen=True)
class Standing:
    """How the trials of a suite stand, in its order.

    Attributes:
        pending: those that have something left to do.
        ended_at: of those among them that have ended before, when.
        finished: those that were trained to their end.
        failures: everything that went wrong, a line each.
    """

    pending: Sequence[Trial]
    ended_at: Mapping[str, str]
    finished: Sequence[Trial]
    failures: Sequence[str]


def standing(suite: Suite, folder: ResultsFolder, *, retry_failed: bool = False) -> Standing:
    """Look through the results of a suite's trials; see `has_work` for what is left to do."""
    pending, ended_at, finished, failures = [], {}, [], []
    keys = [score_key(metric, suite.evaluation_seed) for metric in suite.metrics]
    for trial, result in folder.results(suite.trials):
        if has_work(result, keys, retry_failed=retry_failed):
            pending.append(trial)
            if result:
                ended_at[trial.id] = result.finished_at
        if result and result.outcome is Outcome.FINISHED:
            finished.append(trial)
        if result:
            failures += [f"{trial.title} ({trial.id}): {failure}" for failure in result.failures]
    return Standing(pending, ended_at, finished, failures)


def has_work(result: Result | None, keys: Sequence[str], *, retry_failed: bool = False) -> bool:
    """Whether a trial that ended like this, or has not ended, has something left to do.

    A trial that ended badly, or a metric that failed, is left as it is unless `retry_failed`. `keys` are those of the
    scores that it should have, see `harness.suite.trial.score_key`.
    """
    if result is None:
        return True
    if result.outcome is not Outcome.FINISHED:
        return retry_failed
    records = {record["key"]: record for record in result.scores}
    found = [records.get(key) for key in keys]
    return any(record is None or (retry_failed and record["status"] == "failed") for record in found)


def pending_trials(suite: Suite, folder: ResultsFolder, *, retry_failed: bool = False) -> Sequence[Trial]:
    """The trials of a suite that have something left to do, in its order; see `harness.results.status.has_work`."""
    return standing(suite, folder, retry_failed=retry_failed).pending


def finished_trials(suite: Suite, folder: ResultsFolder) -> Sequence[Trial]:
    """The trials of a suite that were trained to their end."""
    return standing(suite, folder).finished
