"""Running jobs on a Ray cluster: each is a Ray task, which minds a worker process as a thread does on one machine."""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from harness.errors import HarnessError, UserError, in_a_line
from harness.execution.attempt import Done, give_up
from harness.execution.executor import Executor, HeldJob
from harness.execution.patience import PATIENCE_SECONDS
from harness.execution.process import End
from harness.execution.protocol import CompareJob, Exit, Job, TrialJob
from harness.execution.ray_connection import Cluster
from harness.execution.ray_task import Begun, HubEvent, HubHandle, Limits, do_job, start_hub
from harness.results.result import Result
from harness.suite.trial import Trial
from harness.training.events import Event

if TYPE_CHECKING:
    import ray

POLL_SECONDS = 0.5
"""Time between two looks at what the tasks report."""

ATTEMPTS = 4
"""How often a job is begun, where nodes die or Ray's own processes on them."""

SETTINGS = ("HARNESS_DATA", "HARNESS_DOWNLOAD")
"""Environment variables that workers are to have on every node."""

Tell: TypeAlias = Callable[[str, Begun | Event], None]
"""Is told the id of a trial, "" for a comparison, and what happens to it."""


class ClusterExecutor(Executor):
    """Runs jobs on a Ray cluster.

    A job whose node dies, or Ray's process there, is begun again elsewhere and continues from its checkpoints in the
    results folder, which all nodes share.

    Args:
        slots: the cluster.
        timeout: see `Executor`.
        patience: see `Executor`.
    """

    def __init__(self, slots: Cluster, timeout: float | None = None, patience: float = PATIENCE_SECONDS) -> None:
        super().__init__(timeout, patience)
        self.slots = slots
        self._hub: HubHandle | None = None

    def run_trials(
        self,
        jobs: Sequence[TrialJob],
        started: Callable[[Trial], None],
        reported: Callable[[Trial, Event], None],
        finished: Callable[[Trial, Result], None],
    ) -> Sequence[HeldJob]:
        """Run every job; see `Executor.run_trials`.

        Raises:
            UserError: a node lacks a plugin's file or does not see the results folder; or as there.
        """
        trials = {trial.id: trial for job in jobs for trial in job.trials}

        def tell(name: str, event: Begun | Event) -> None:
            if isinstance(event, Begun):
                started(trials[name])
            else:
                reported(trials[name], event)

        held: list[HeldJob] = []
        for done in self._do(jobs, tell):
            held += [(job, done.holder) for job in done.held]
            for result in done.results:
                finished(trials[result.trial], result)
        return held

    def run_comparison(self, job: CompareJob, reported: Callable[[Event], None]) -> End | None:
        """Run a comparison of models; see `Executor.run_comparison`."""

        def tell(name: str, event: Begun | Event) -> None:
            if not isinstance(event, Begun):
                reported(event)

        return next((done.end for done in self._do([job], tell)), None)

    def _do(self, jobs: Sequence[Job], tell: Tell) -> Iterator[Done]:
        """Do all jobs, and those that come in place of others; yields what comes of each as it ends."""
        import ray

        if not jobs:
            return
        hub = self._hub = self._hub or start_hub()
        tasks = _Tasks(self, hub)
        waiting = deque((job, 1) for job in jobs)
        while waiting or tasks.running:
            if self.stopping:
                waiting.clear()
                tasks.stop()
            while waiting and len(tasks.running) < (self.slots.count or math.inf):
                tasks.start(*waiting.popleft())
            running = list(tasks.running)
            ended, _ = ray.wait(running, timeout=POLL_SECONDS) if running else ([], [])
            for name, event in cast("list[HubEvent]", ray.get(hub.take.remote())):
                tasks.begun.add(name)
                tell(name, event)
            for reference in ended:
                job, number = tasks.running.pop(reference)
                done = self._fetch(reference, job, number)
                if done is None:
                    tasks.begun -= {trial.id for trial in job.trials}
                    waiting.append((job, number + 1))
                    continue
                if done.lost:
                    self.lose()
                waiting.extend((smaller, 1) for smaller in done.again)
                yield done

    def _fetch(self, reference: "ray.ObjectRef[Done]", job: Job, number: int) -> Done | None:
        """What came of an attempt at a job, of which there were so many; None if there is to be another."""
        import ray

        try:
            return ray.get(reference)  # type: ignore[no-any-return] # it is what the task returned
        except ray.exceptions.TaskCancelledError:
            return Done(End(Exit.INTERRUPTED))
        except ray.exceptions.RayTaskError as error:
            raise _explain(error.cause) from None
        except ray.exceptions.RayError as error:  # The node died, or Ray's process on it.
            if self.stopping:
                return Done(End(Exit.INTERRUPTED))
            if number < ATTEMPTS:
                return None
            return give_up(job, f"Ray lost it {number} times, the last time to {in_a_line(error)}")


def _explain(cause: BaseException) -> HarnessError:
    """What a task raised, which is not the error of a trial."""
    if isinstance(cause, HarnessError):
        return cause
    return UserError(f"--ray: is the same version of the harness installed on every node? {in_a_line(cause)}")


class _Tasks:
    """The tasks of an executor that are with Ray, waiting for room on a node or running on one."""

    def __init__(self, executor: ClusterExecutor, hub: HubHandle) -> None:
        import ray

        slots = executor.slots
        share = ray.remote(num_cpus=slots.threads, num_gpus=slots.gpus, max_retries=0)
        self._task = share(do_job)
        self._arguments = (
            slots,
            Limits(executor.timeout, executor.patience),
            hub,
            {name: os.environ[name] for name in SETTINGS if name in os.environ},
        )
        self._hub = hub
        self.running: dict[ray.ObjectRef[Done], tuple[Job, int]] = {}
        """The job of each task, and how often it has been begun."""
        self.begun: set[str] = set()
        """Trials that run on a node."""

    def start(self, job: Job, number: int) -> None:
        """Give Ray a job, for the `number`-th time."""
        self.running[self._task.remote(job, *self._arguments)] = job, number

    def stop(self) -> None:
        """Have running tasks save and end, and take back those that still wait for room."""
        import ray

        self._hub.stop.remote()
        for reference, (job, _) in self.running.items():
            if self.begun.isdisjoint(trial.id for trial in job.trials):
                ray.cancel(reference)
