"""Running jobs on this machine: joblib threads, each minding one worker process at a time."""

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from time import monotonic, sleep

from joblib import Parallel, delayed

from harness.errors import HarnessError, StorageError, UserError
from harness.execution.attempt import NOTHING, Attempt, Done
from harness.execution.claims import claim_trials
from harness.execution.devices import Slots
from harness.execution.executor import Executor, HeldJob
from harness.execution.forkserver import ForkServer
from harness.execution.patience import PATIENCE_SECONDS, patiently
from harness.execution.process import DRAIN_SECONDS, GRACE_SECONDS, POLL_SECONDS, End, environment
from harness.execution.protocol import CompareJob, Placement, TrialJob
from harness.results.result import Result
from harness.suite.trial import Trial
from harness.threads import lacks_threads
from harness.training.events import Event

logger = logging.getLogger(__name__)


class LocalExecutor(Executor):
    """Runs jobs on this machine.

    Args:
        slots: how many side by side, and where.
        timeout: see `Executor`.
        patience: see `Executor`.
    """

    def __init__(self, slots: Slots, timeout: float | None = None, patience: float = PATIENCE_SECONDS) -> None:
        super().__init__(timeout, patience)
        self.slots = slots

    def run_trials(
        self,
        jobs: Sequence[TrialJob],
        started: Callable[[Trial], None],
        reported: Callable[[Trial, Event], None],
        finished: Callable[[Trial, Result], None],
    ) -> Sequence[HeldJob]:
        """Run every job; see `Executor.run_trials`."""
        with self._fork_server(jobs) as fork_server:
            batch = _Batch(self, fork_server, started, reported, finished)
            try:
                self._run(batch, jobs)
            except BaseException:  # joblib leaves its threads behind, and they their workers: so does Ctrl-C in Python.
                self.stop()
                batch.wait()
                raise
        if batch.errors:
            raise batch.errors[0]
        return batch.held

    def _run(self, batch: "_Batch", jobs: Sequence[TrialJob]) -> None:
        try:
            self._side_by_side(batch, jobs, self.slots.count)
        except Exception as error:  # joblib passes on whatever kept its threads from starting; the rest goes on up.
            if batch.begun or not lacks_threads(error):
                raise
            logger.warning("there are too many processes and threads (`ulimit -u`); trials run one by one")
            self._side_by_side(batch, jobs, 1)

    @staticmethod
    def _side_by_side(batch: "_Batch", jobs: Sequence[TrialJob], count: int) -> None:
        Parallel(n_jobs=count, backend="threading", batch_size=1, pre_dispatch="all")(
            delayed(batch.run)(job) for job in jobs
        )

    def run_comparison(self, job: CompareJob, reported: Callable[[Event], None]) -> End | None:
        """Run a comparison of models; see `Executor.run_comparison`."""

        def compare() -> End | None:
            if self.stopping:
                return None
            with self.slots.reserve() as placement:
                # Nothing else of the run computes meanwhile, so a comparison has the cores of all trials.
                at_once = self.slots.count if placement.device == "cpu" else 1
                attempt = Attempt(replace(job, at_once=at_once), placement, self.timeout)
                return attempt.run(lambda _, event: reported(event), self._asked_to_stop).end

        return patiently(compare, self.patience, self._asked_to_stop)

    def _asked_to_stop(self) -> bool:
        return self.stopping

    def _fork_server(self, jobs: Sequence[TrialJob]) -> AbstractContextManager[ForkServer | None]:
        """What forks the worker processes, where that is worth it and safe: on a Mac system libraries forbid it."""
        if self.slots.gpus or len(jobs) < 2 or sys.platform != "linux":
            return nullcontext()
        try:
            return ForkServer(environment(Placement("cpu", self.slots.threads)), jobs[0].plugins)
        except OSError:  # Too many processes or open files: workers are started one by one, when there is room.
            return nullcontext()


@dataclass
class _Batch:
    """Jobs being run by the threads of one executor.

    Attributes:
        executor: whose they are.
        fork_server: starts their processes, if there is one.
        started, reported, finished: told about trials, one at a time.
        held: jobs whose trials another run holds.
        errors: why no further job can be begun.
        begun: whether one has been.
        running: the threads that run one.
    """

    executor: LocalExecutor
    fork_server: ForkServer | None
    started: Callable[[Trial], None]
    reported: Callable[[Trial, Event], None]
    finished: Callable[[Trial, Result], None]
    held: list[HeldJob] = field(default_factory=list)
    errors: list[HarnessError] = field(default_factory=list)
    begun: bool = False
    running: set[threading.Thread] = field(default_factory=set)
    _callbacks: threading.Lock = field(default_factory=threading.Lock)

    def run(self, job: TrialJob) -> None:
        """Run a job, and the halves of its fleet if that is too large."""
        self.begun = True
        self.running.add(threading.current_thread())
        try:
            self._run(job)
        finally:
            self.running.discard(threading.current_thread())

    def wait(self) -> None:
        """Wait until the workers that were asked to stop have saved and ended, or have been killed."""
        until = monotonic() + GRACE_SECONDS + DRAIN_SECONDS
        while self.running and monotonic() < until:
            sleep(POLL_SECONDS)

    def _run(self, job: TrialJob) -> None:
        if self._stopping():
            return
        try:
            done = patiently(lambda: self._attempt(job), self.executor.patience, self._stopping)
        except (StorageError, UserError) as error:  # The others may save their state, but nothing more can be begun.
            self.errors.append(error)
            self.executor.stop()
            return
        trials = {trial.id: trial for trial in job.trials}
        with self._callbacks:
            for result in done.results:
                self.finished(trials[result.trial], result)
        for smaller in done.again:
            self._run(smaller)

    def _attempt(self, job: TrialJob) -> Done:
        """Try once to do those trials of a job that have no result yet."""
        if self._stopping():
            return NOTHING
        trials = {trial.id: trial for trial in job.trials}

        def report(name: str, event: Event) -> None:
            with self._callbacks:
                self.reported(trials[name], event)

        with self.executor.slots.reserve() as placement, claim_trials(job, self.executor.lose) as claim:
            if claim.job is None:
                self.held.append((job, claim.holder))
                return NOTHING
            if not claim.job.trials:
                return NOTHING
            attempt = Attempt(claim.job, placement, self.executor.timeout, self.fork_server, claim.files)
            with self._callbacks:
                for trial in claim.job.trials:
                    self.started(trial)
            return attempt.run(report, self._stopping)

    def _stopping(self) -> bool:
        return self.executor.stopping
