"""One try at a job, wherever it is made: a worker process, and a record for each trial that it could not write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import StorageError, UserError
from harness.execution.forkserver import ForkServer
from harness.execution.process import End, Worker
from harness.execution.protocol import CompareJob, Exit, Job, Placement, Report, TrialJob
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result
from harness.storage.atomic import storing, write_whole
from harness.storage.records import now
from harness.suite.trial import Trial


@dataclass(frozen=True)
class Done:
    """What a job left: results, and what is to be tried again.

    Attributes:
        end: how its worker process ended.
        results: of the trials that have ended.
        again: what is to be done in its place: the halves of a fleet that ran out of memory.
        held: the job, if another run holds its trials.
        holder: who that is, in words.
        lost: whether another run has taken its trials over.
    """

    end: End
    results: Sequence[Result] = ()
    again: Sequence[TrialJob] = ()
    held: Sequence[TrialJob] = ()
    holder: str = ""
    lost: bool = False


NOTHING = Done(End(Exit.DONE))
"""What comes of a job that had nothing to do."""


class Attempt:
    """A job being done by a process of its own.

    Args:
        job: what to do.
        placement: where.
        timeout: seconds that one trial, or a comparison, may take; a fleet so many times as many as it has trials.
            None for no limit.
        fork_server: forks the process; None to start it anew.
        held: files that the worker is to hold open, see `Claim.files`.
    """

    def __init__(
        self,
        job: Job,
        placement: Placement,
        timeout: float | None,
        fork_server: ForkServer | None = None,
        held: Sequence[int] = (),
    ) -> None:
        self.job = job
        folder = ResultsFolder(job.folder)
        self._timeout = timeout
        if isinstance(job, CompareJob):
            self._worker = Worker(job, placement, folder.comparison("log").with_suffix(".txt"), timeout)
            return
        if timeout is not None:
            self._timeout = timeout * len(job.trials)
        self._folders = {trial.id: folder.trial(trial.id) for trial in job.trials}
        self._earlier = {name: own.result for name, own in self._folders.items()}
        log = self._folders[job.trials[0].id].log
        for trial in job.trials[1:]:
            _refer(self._folders[trial.id].log, log)
        self._worker = Worker(job, placement, log, self._timeout, fork_server, held)

    def run(self, report: Report, stopping: Callable[[], bool] = lambda: False) -> Done:
        """Do the job to its end, passing on what the worker reports.

        Args:
            report: is told where trials are.
            stopping: asked from time to time whether to save and end.

        Raises:
            StorageError: results could not be read or written; the job can be tried again from its checkpoints.
            UserError: the plugins or the dataset cannot be loaded.
        """
        end = self._worker.run(report, stopping)
        if end.returncode == Exit.USER_MISTAKE and end.problem:
            raise UserError(end.problem.text)
        if end.returncode == Exit.STORAGE and end.problem:
            raise StorageError(end.problem.errno, end.problem.text, end.problem.place)
        if isinstance(self.job, CompareJob):
            return Done(end)
        lost = [] if end.interrupted else self._unrecorded()
        again = self.job.halves(lost) if end.out_of_memory and self.job.divisible else []
        if not again:
            for trial in lost:
                self._folders[trial.id].write_result(died(trial, end, self._timeout, self._earlier[trial.id]))
        unrecorded = {trial.id for trial in self._unrecorded()}
        results = [folder.result for name, folder in self._folders.items() if name not in unrecorded]
        return Done(end, [result for result in results if result], again)

    def _unrecorded(self) -> list[Trial]:
        """The trials of which the worker has written no result."""
        return [trial for trial in self.job.trials if self._folders[trial.id].result == self._earlier[trial.id]]


def died(trial: Trial, end: End, timeout: float | None, earlier: Result | None) -> Result:
    """The result of a trial whose process could not write one; scores it had before are kept."""
    outcome, reason = Outcome.CRASHED, end.reason
    if end.timed_out:
        outcome, reason = Outcome.TIMEOUT, f"it took longer than {timeout:g} s"
    if earlier is not None:
        return replace(earlier, outcome=outcome, reason=reason, finished_at=now())
    return Result(trial.id, outcome, reason, finished_at=now())


def give_up(job: Job, reason: str) -> Done:
    """Record that a job could not be done where it was tried."""
    end = End(1, last_words=reason)
    if isinstance(job, CompareJob):
        return Done(end)
    results = []
    for trial in job.trials:
        folder = ResultsFolder(job.folder).trial(trial.id)
        earlier = folder.result
        if earlier is None or earlier.outcome is not Outcome.FINISHED:
            result = died(trial, end, None, earlier)
            folder.write_result(result)
            results.append(result)
    return Done(end, results)


def _refer(log: Path, to: Path) -> None:
    """Write into a trial's log where the log of its fleet is."""
    text = f"trained in a fleet, whose log is ../{to.parent.name}/{to.name}\n"
    with storing(log):
        write_whole(log, lambda file: file.write(text.encode()))
