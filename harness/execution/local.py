"""Running jobs on this machine: joblib threads, each minding one worker process at a time."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from joblib import Parallel, delayed

from harness.execution.devices import Slots
from harness.execution.job import CompareJob, TrialJob
from harness.execution.process import End, Worker
from harness.provenance import now
from harness.store import ResultsFolder
from harness.trial import Outcome, Progress, Result, Trial


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
        self._running: set[Worker] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run_trials(
        self,
        jobs: Sequence[TrialJob],
        started: Callable[[Trial], None],
        progressed: Callable[[Trial, Progress], None],
        finished: Callable[[Trial, Result], None],
    ) -> None:
        """Run every job; the callbacks come from several threads, one at a time."""
        callbacks = threading.Lock()

        def run(job: TrialJob) -> None:
            trials = {trial.id: trial for trial in job.trials}
            folders = {name: ResultsFolder(Path(job.folder)).trial(name) for name in trials}
            earlier = {name: folder.result for name, folder in folders.items()}
            timeout = None if self.timeout is None else self.timeout * len(trials)
            log = folders[job.trials[0].id].log
            for trial in job.trials[1:]:
                _refer(folders[trial.id].log, log)
            with self.slots.place() as placement:
                worker = Worker(job, placement, log, timeout)
                if not self._admit(worker):
                    return
                with callbacks:
                    for trial in job.trials:
                        started(trial)

                def report(name: str, progress: Progress) -> None:
                    with callbacks:
                        progressed(trials[name], progress)

                end = self._watch(worker, report)
            if end.interrupted or self._stopping:
                return
            for name, folder in folders.items():
                if end.returncode != 0 and folder.result == earlier[name]:
                    folder.write_result(_died(trials[name], end, timeout, earlier[name]))
                result = folder.result
                if result is not None:
                    with callbacks:
                        finished(trials[name], result)

        Parallel(n_jobs=self.slots.count, backend="threading", batch_size=1, pre_dispatch="all")(
            delayed(run)(job) for job in jobs
        )

    def run_comparison(self, job: CompareJob, progressed: Callable[[Progress], None]) -> End | None:
        """Run a comparison of models; None if the run is being stopped."""
        with self.slots.place() as place:
            placement = replace(place, threads=self.slots.count * self.slots.threads)  # Nothing runs beside it.
            log = ResultsFolder(Path(job.folder)).comparison("log").with_suffix(".txt")
            worker = Worker(job, placement, log, self.timeout)
            return self._watch(worker, lambda _, progress: progressed(progress)) if self._admit(worker) else None

    def stop(self) -> None:
        """Start no further job, and have the running ones save and end."""
        self._stopping = True
        for worker in list(self._running):
            worker.stop()

    def _admit(self, worker: Worker) -> bool:
        with self._lock:
            if not self._stopping:
                self._running.add(worker)
            return not self._stopping

    def _watch(self, worker: Worker, report: Callable[[str, Progress], None]) -> End:
        try:
            return worker.run(report)
        finally:
            self._running.discard(worker)


def _refer(log: Path, to: Path) -> None:
    """Say in one trial's log where its fleet's is."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"trained in a fleet, whose log is ../{to.parent.name}/{to.name}\n")


def _died(trial: Trial, end: End, timeout: float | None, earlier: Result | None) -> Result:
    """The result of a trial whose process could not write one; scores it had before are kept."""
    outcome, reason = Outcome.CRASHED, end.reason
    if end.timed_out:
        outcome, reason = Outcome.TIMEOUT, f"it took longer than {timeout:g} s"
    if earlier is not None:
        return replace(earlier, outcome=outcome, reason=reason, finished_at=now())
    return Result(trial.id, outcome, reason, finished_at=now())
