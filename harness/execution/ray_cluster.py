"""Running jobs on a Ray cluster: each is a Ray task, which minds a worker process as a thread does on one machine."""

import logging
import math
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, UserError, in_a_line
from harness.execution.attempt import Attempt, Done, give_up
from harness.execution.claims import claim_trials
from harness.execution.process import End
from harness.execution.protocol import INTERRUPTED, CompareJob, Job, Placement, TrialJob
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.suite.trial import Trial
from harness.training.progress import Progress

if TYPE_CHECKING:
    import ray

POLL_SECONDS = 0.5
"""Time between two looks at what the tasks report."""

REPORT_SECONDS = 1.0
"""Time between two reports of a task."""

CONNECT_SECONDS = 10.0
"""How long a cluster may take to answer."""

ATTEMPTS = 4
"""How often a job is begun, where nodes die or Ray's own processes on them."""

NOTHING = End(0)
"""How a job ends that had nothing to do."""

SETTINGS = ("HARNESS_DATA", "HARNESS_DOWNLOAD")
"""Environment variables that workers are to have on every node."""


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster that this process is connected to, and what each trial gets of it.

    Attributes:
        device: where trials compute, "cpu" or "cuda".
        threads: CPU threads of a trial, which are Ray's CPUs.
        gpus: Ray's GPUs of a trial: a fraction where several share one.
        count: trials at a time; None for as many as there is room for.
    """

    device: str = "cpu"
    threads: int = 1
    gpus: float = 0.0
    count: int | None = None

    def __str__(self) -> str:
        share = f"{self.threads} CPU(s)" + (f" and {self.gpus:g} GPU(s)" if self.gpus else "")
        return f"{self.count or 'as many as fit'} at a time on a Ray cluster, {share} each"


def connect(address: str, device: str, jobs: int | None, *, threads: int | None = None, per_gpu: int = 1) -> Cluster:
    """Connect to a Ray cluster.

    Args:
        address: "HOST:PORT" of its head, "auto" for the one that this machine belongs to, or "local" for a new one of
            this machine alone.
        device: "auto" (GPUs if the cluster has any), "cpu" or "cuda".
        jobs: trials at a time; None for as many as there is room for.
        threads: CPU threads of each; 1 by default, so that numbers do not depend on the cluster.
        per_gpu: trials that share a GPU.

    Raises:
        UserError: Ray is not installed, the cluster is not there, or none of its nodes has so much to give.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"--device {device}: with --ray choose from auto, cpu, cuda; Ray chooses among GPUs")
    _reach(address)
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = sum(node.get("GPU", 0) for node in nodes)
    if device == "cuda" and not gpus:
        raise UserError(f"--device {device}: the Ray cluster has no GPU; use --device cpu")
    on_gpus = device != "cpu" and gpus > 0
    cluster = Cluster("cuda" if on_gpus else "cpu", threads or 1, 1 / per_gpu if on_gpus else 0.0, jobs)
    if not any(node.get("CPU", 0) >= cluster.threads and node.get("GPU", 0) >= cluster.gpus for node in nodes):
        share = f"{cluster.threads} CPU(s) and {cluster.gpus:g} GPU(s)"
        raise UserError(f"--ray {address}: no node of the cluster has {share}, which each trial is to have")
    return cluster


def _reach(address: str) -> None:
    try:
        import ray
    except ImportError:
        raise UserError("--ray: Ray is not installed; do: pip install 'disentanglement-harness[ray]'") from None
    host, separator, port = address.rpartition(":")
    if separator and port.isdecimal():
        try:  # Ray itself would try for ever.
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except OSError as error:
            raise UserError(f"--ray {address}: nothing answers there: {error}") from None
    elif address not in ("auto", "local"):
        raise UserError(f"--ray {address}: choose HOST:PORT of the cluster's head, auto or local")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"--ray {address}: cannot connect: {str(error).splitlines()[0]}") from None


class ClusterExecutor:
    """Runs each job as a Ray task, which does it in a process of its own.

    What ends that process is recorded, as on one machine. A job whose node dies, or Ray's process there, is begun
    again elsewhere and continues from its checkpoints in the results folder, which all nodes share.

    Args:
        slots: the cluster.
        timeout: seconds that one trial may take in this run, and a fleet so many times as many as it has
            trials; None for no limit.
    """

    def __init__(self, slots: Cluster, timeout: float | None = None) -> None:
        self.slots = slots
        self.timeout = timeout
        self.stopping = False
        """Whether it was asked to stop."""
        self.lost = False
        """Whether another run has taken over trials of this one, which then stops."""
        self._hub: Any = None

    def run_trials(
        self,
        jobs: Sequence[TrialJob],
        started: Callable[[Trial], None],
        progressed: Callable[[Trial, Progress], None],
        finished: Callable[[Trial, Result], None],
    ) -> list[TrialJob]:
        """Run every job, beginning with the first.

        Returns:
            Jobs that were not begun because another run holds their trials.

        Raises:
            UserError: a node lacks a plugin's file or does not see the results folder.
            StorageError: not even how a trial ended could be written.
        """
        trials = {trial.id: trial for job in jobs for trial in job.trials}

        def tell(name: str, progress: Progress | None) -> None:
            if progress is None:
                started(trials[name])
            else:
                progressed(trials[name], progress)

        held: list[TrialJob] = []
        for done in self._do(jobs, tell):
            held += done.held
            for result in done.results:
                finished(trials[result.trial], result)
        return held

    def run_comparison(self, job: CompareJob, progressed: Callable[[Progress], None]) -> End | None:
        """Run a comparison of models; None if the run is being stopped."""

        def tell(name: str, progress: Progress | None) -> None:
            if progress is not None:
                progressed(progress)

        return next((done.end for done in self._do([job], tell)), None)

    def stop(self) -> None:
        """Start no further job, and have the running ones save and end."""
        self.stopping = True  # A signal's handler must not call Ray; the loop sees it.

    def lose(self) -> None:
        """Stop, because another run does what this one believed to hold."""
        self.lost = True
        self.stop()

    def _do(self, jobs: Sequence[Job], tell: Callable[[str, Progress | None], None]) -> Iterator[Done]:
        """Do all jobs, and those that come in place of others; yields what comes of each as it ends."""
        import ray

        if not jobs:
            return
        hub = self._hub = self._hub or _start_hub()
        share = ray.remote(num_cpus=self.slots.threads, num_gpus=self.slots.gpus, max_retries=0)
        task = share(_attempt)
        settings = {name: os.environ[name] for name in SETTINGS if name in os.environ}
        waiting = deque((job, 1) for job in jobs)
        running: dict[ray.ObjectRef[Done], tuple[Job, int]] = {}
        begun: set[str] = set()
        while waiting or running:
            if self.stopping:
                waiting.clear()
                hub.stop.remote()
                for reference, (job, _) in running.items():
                    if begun.isdisjoint(trial.id for trial in job.trials):
                        ray.cancel(reference)
            while waiting and len(running) < (self.slots.count or math.inf):
                job, number = waiting.popleft()
                running[task.remote(job, self.slots, self.timeout, hub, settings)] = job, number
            ended, _ = ray.wait(list(running), timeout=POLL_SECONDS) if running else ([], [])
            for name, progress in ray.get(hub.take.remote()):
                begun.add(name)
                tell(name, progress)
            for reference in ended:
                job, number = running.pop(reference)
                done = self._fetch(reference, job, number)
                if done is None:
                    begun -= {trial.id for trial in job.trials}
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
            return Done(End(INTERRUPTED))
        except ray.exceptions.RayTaskError as error:
            raise _explain(error.cause) from None
        except ray.exceptions.RayError as error:  # The node died, or Ray's process on it.
            if self.stopping:
                return Done(End(INTERRUPTED))
            if number < ATTEMPTS:
                return None
            return give_up(job, f"Ray lost it {number} times, the last time to {in_a_line(error)}")


def _explain(cause: BaseException) -> HarnessError:
    """What a task raised, which is not the error of a trial."""
    if isinstance(cause, HarnessError):
        return cause
    return UserError(f"--ray: is the same version of the harness installed on every node? {in_a_line(cause)}")


class _Hub:
    """The actor between tasks and the command line: what tasks report waits here, and whether to stop."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Progress | None]] = []
        self.stopping = False

    def report(self, events: Sequence[tuple[str, Progress | None]]) -> bool:
        """Leave what happened to which trials, None for their beginning; returns whether to stop."""
        self.events += events
        return self.stopping

    def take(self) -> list[tuple[str, Progress | None]]:
        """Fetch what was left."""
        events, self.events = self.events, []
        return events

    def stop(self) -> None:
        """Have every task stop."""
        self.stopping = True


def _start_hub() -> Any:
    """Start the actor, on the node of the command line: while that lives, so does the actor."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(_Hub).remote()


def _attempt(job: Job, slots: Cluster, timeout: float | None, hub: Any, settings: Mapping[str, str]) -> Done:
    """The task: do a job on this node, within what Ray gives it.

    Raises:
        UserError: a plugin's file or the results folder is not there.
    """
    _require_files(job)
    os.environ.update(settings)
    if isinstance(job, CompareJob):
        return _carry_out(job, slots, timeout, hub)
    lost = threading.Event()
    with claim_trials(job, lost.set) as left:
        if left is None:
            return Done(NOTHING, held=[job])
        done = _carry_out(left, slots, timeout, hub, lost) if left.trials else Done(NOTHING)
    return replace(done, lost=lost.is_set())


def _carry_out(job: Job, slots: Cluster, timeout: float | None, hub: Any, lost: threading.Event | None = None) -> Done:
    import ray

    if ray.get(hub.report.remote([(trial.id, None) for trial in job.trials])):
        return Done(End(INTERRUPTED))
    attempt = Attempt(job, placement(slots), timeout)
    with _reporting(hub, attempt, lost or threading.Event()) as report:
        return attempt.run(report)


def placement(slots: Cluster) -> Placement:
    """Where a task's worker process computes: on the GPU that Ray gives the task."""
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "") if slots.device == "cuda" else ""
    return Placement(slots.device, slots.threads, gpu)


@contextmanager
def _reporting(hub: Any, attempt: Attempt, lost: threading.Event) -> Iterator[Callable[[str, Progress], None]]:
    """Pass on from time to time what is reported, and stop the attempt when the hub says so or is there no more.

    It is stopped as well when it is `lost` to another run.
    """
    import ray

    events: list[tuple[str, Progress | None]] = []
    ended = threading.Event()

    def pass_on() -> None:
        stopping = False
        while True:
            last = ended.wait(REPORT_SECONDS)
            left = len(events)
            try:
                stop = ray.get(hub.report.remote(events[:left])) or lost.is_set()
            except ray.exceptions.RayError:
                stop = True
            del events[:left]
            if stop and not stopping:
                stopping = True
                attempt.stop()
            if last:
                return

    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    try:
        yield lambda name, progress: events.append((name, progress))
    finally:
        ended.set()
        thread.join()


def _require_files(job: Job) -> None:
    here = socket.gethostname()
    for file in job.plugins:
        if not Path(file).is_file():
            raise UserError(f"--plugin {file}: it is not on the node {here}; with --ray, every node must have it there")
    if not ResultsFolder(job.folder).suite_file.exists():
        raise UserError(f"--output {job.folder}: the node {here} does not see it; with --ray, all nodes must share it")
