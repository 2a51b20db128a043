"""Claims: a run holds the trials that it works on, so that several runs of one suite share its work."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from harness.execution.protocol import TrialJob
from harness.results.folder import ResultsFolder
from harness.results.status import has_work
from harness.storage.leases import lease
from harness.suite.trial import score_key


@contextmanager
def claim_trials(job: TrialJob, lost: Callable[[], None]) -> Iterator[TrialJob | None]:
    """Hold the trials of a job while it is done; what is damaged of their records is set aside.

    Args:
        job: what is to be done.
        lost: called if another run has taken a trial over, which it may when this one was out of reach for long.

    Yields:
        The job with the trials that still have something to do: another run may have done some, or all, since it was
        planned. None if another run holds one of them.
    """
    folder = ResultsFolder(job.folder)
    with ExitStack() as leases:
        # Always in the same order, so that of two runs that want the same trials one gets them all.
        for trial in sorted(job.trials, key=lambda trial: trial.id):
            if not leases.enter_context(lease(folder.trial(trial.id).lease, lost)):
                yield None
                return
        keys = [score_key(metric, job.evaluation_seed) for metric in job.metrics]
        left = []
        for trial in job.trials:
            own = folder.trial(trial.id)
            own.set_aside_damaged()
            result = own.result
            planned = result is not None and job.planned.get(trial.id) == result.finished_at
            if planned or has_work(result, keys):
                left.append(trial)
        yield replace(job, trials=left)
