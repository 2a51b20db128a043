"""Running jobs on this machine: joblib threads, each minding one worker process at a time."""

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from joblib import Parallel, delayed

from harness.errors import StorageError
from harness.execution.attempt import Attempt, Done
from harness.execution.claims import claim_trials
from harness.execution.devices import Slots
from harness.execution.forkserver import ForkServer
from harness.execution.process import End, environment
from harness.execution.protocol import CompareJob, Placement, TrialJob
from harness.results.result import Result
from harness.suite.trial import Trial
from harness.training.progress import Progress


class LocalExecutor:
    """Runs each job in a process of its own.

    A process that crashes, hangs or runs out of memory ends its own trial, or the trials of its fleet,
    with a recorded outcome, and no other.

    Args:
        slots: how many side by side, and where.
        timeout: seconds that one trial may take in this run, and a fleet so many times as many as it has
            trials; None for no limit.
    """

    def __init__(self, slots: Slots, timeout: float | None = None) -> None:
        self.slots = slots
        self.timeout = timeout
        self._running: set[Attempt] = set()
        self._lock = threading.Lock()
        self.stopping = False
        """Whether it was asked to stop."""
        self.lost = False
        """Whether another run has taken over trials of this one, which then stops."""

    def run_trials(
        self,
        jobs: Sequence[TrialJob],
        started: Callable[[Trial], None],
        progressed: Callable[[Trial, Progress], None],
        finished: Callable[[Trial, Result], None],
    ) -> list[TrialJob]:
        """Run every job, beginning with the first; the callbacks come from several threads, one at a time.

        Returns:
            Jobs that were not begun because another run holds their trials.

        Raises:
            StorageError: not even how a trial ended could be written.
        """
        callbacks = threading.Lock()
        held: list[TrialJob] = []
        unwritten: list[StorageError] = []

        def run(job: TrialJob) -> None:
            if self.stopping:
                return
            try:
                run_claimed(job)
            except StorageError as error:  # The others may save their state, but nothing more can be begun.
                unwritten.append(error)
                self.stop()

        def run_claimed(job: TrialJob) -> None:
            trials = {trial.id: trial for trial in job.trials}

            def report(name: str, progress: Progress) -> None:
                with callbacks:
                    progressed(trials[name], progress)

            with self.slots.reserve() as placement, claim_trials(job, self.lose) as left:
                if left is None:
                    held.append(job)
                if not left or not left.trials:
                    return
                attempt = Attempt(left, placement, self.timeout, fork_server)
                if not self._admit(attempt):
                    return
                with callbacks:
                    for trial in left.trials:
                        started(trial)
                done = self._watch(attempt, report)
            with callbacks:
                for result in done.results:
                    finished(trials[result.trial], result)
            for smaller in done.again:
                run(smaller)

        with self._fork_server(jobs) as fork_server:
            Parallel(n_jobs=self.slots.count, backend="threading", batch_size=1, pre_dispatch="all")(
                delayed(run)(job) for job in jobs
            )
        if unwritten:
            raise unwritten[0]
        return held

    def run_comparison(self, job: CompareJob, progressed: Callable[[Progress], None]) -> End | None:
        """Run a comparison of models; None if the run is being stopped."""
        with self.slots.reserve() as place:
            attempt = Attempt(job, place, self.timeout)
            return self._watch(attempt, lambda _, progress: progressed(progress)).end if self._admit(attempt) else None

    def stop(self) -> None:
        """Start no further job, and have the running ones save and end."""
        self.stopping = True
        for attempt in list(self._running):
            attempt.stop()

    def lose(self) -> None:
        """Stop, because another run does what this one believed to hold."""
        self.lost = True
        self.stop()

    def _fork_server(self, jobs: Sequence[TrialJob]) -> AbstractContextManager[ForkServer | None]:
        """What forks the worker processes, where that is worth it and safe: on a Mac system libraries forbid it."""
        if self.slots.gpus or len(jobs) < 2 or sys.platform != "linux":
            return nullcontext()
        return ForkServer(environment(Placement("cpu", self.slots.threads)), jobs[0].plugins)

    def _admit(self, attempt: Attempt) -> bool:
        with self._lock:
            if not self.stopping:
                self._running.add(attempt)
            return not self.stopping

    def _watch(self, attempt: Attempt, report: Callable[[str, Progress], None]) -> Done:
        try:
            return attempt.run(report)
        finally:
            self._running.discard(attempt)
