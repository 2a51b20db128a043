"""Claims: a run holds the leases of the trials that it works on, so that several runs of one suite share its work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from harness.execution.protocol import TrialJob
from harness.results.folder import ResultsFolder
from harness.results.status import has_work
from harness.storage.leases import Lease, holder, lease
from harness.suite.trial import score_key


@dataclass(frozen=True)
class Claim:
    """A job whose trials a run holds.

    Attributes:
        job: with the trials that still have something to do: another run may have done some, or all, since it was
            planned. None if another run holds one of them.
        holder: who that is, in words.
        files: locked files that the worker is to inherit, so that the leases last as long as it lives.
    """

    job: TrialJob | None
    holder: str = ""
    files: Sequence[int] = ()


@contextmanager
def claim_trials(job: TrialJob, lost: Callable[[], None]) -> Iterator[Claim]:
    """Hold the leases of all trials of a job, or of none; damaged records of theirs are set aside.

    Args:
        job: what is to be done.
        lost: called if another run has taken a trial over, which it may when this one was out of reach for long.
    """
    folder = ResultsFolder(job.folder)
    held: list[Lease] = []
    with ExitStack() as leases:
        # Always in the same order, so that of two runs that want the same trials one gets them all.
        for trial in sorted(job.trials, key=lambda trial: trial.id):
            own = folder.trial(trial.id)
            own.refuse_links()
            got = leases.enter_context(lease(own.lease, lost))
            if got is None:
                yield Claim(None, holder(own.lease))
                return
            held.append(got)
        keys = [score_key(metric, job.evaluation_seed) for metric in job.metrics]
        left = []
        for trial in job.trials:
            own = folder.trial(trial.id)
            own.set_aside_damaged()
            result = own.result
            planned = result is not None and job.planned.get(trial.id) == result.finished_at
            if planned or has_work(result, keys):
                left.append(trial)
        objects = [each.own for each in held if each.own]
        files = [each.file.fileno() for each in held if each.file]
        yield Claim(replace(job, trials=left, leases=objects), files=files)
