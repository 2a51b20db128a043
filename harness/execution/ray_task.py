"""The part of a run that is on the nodes of a Ray cluster: tasks that do jobs, and the actor that they report to."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

from harness.errors import UserError
from harness.execution.attempt import NOTHING, Attempt, Done
from harness.execution.claims import claim_trials
from harness.execution.patience import patiently
from harness.execution.process import End
from harness.execution.protocol import CompareJob, Exit, Job, Placement, Report
from harness.execution.ray_connection import Cluster
from harness.results.folder import ResultsFolder
from harness.storage.atomic import exists
from harness.training.events import Event

REPORT_SECONDS = 1.0
"""Time between two reports of a task."""


@dataclass(frozen=True)
class Begun:
    """A trial begins, or continues, on a node."""


HubEvent: TypeAlias = tuple[str, Begun | Event]
"""The id of a trial, "" for a comparison, and what happens to it."""


class RemoteMethod(Protocol):
    """A method of an actor in another process: `ray.get` of what it returns is what the method returned."""

    def remote(self, *arguments: object) -> object:
        """Call it, without waiting for its end."""


class HubHandle(Protocol):
    """The hub as other processes see it, see `Hub`."""

    report: RemoteMethod
    take: RemoteMethod
    stop: RemoteMethod


@dataclass(frozen=True)
class Limits:
    """What a task waits for.

    Attributes:
        timeout: seconds that one trial may take; None for no limit.
        patience: seconds that storage is waited for.
    """

    timeout: float | None
    patience: float


class Hub:
    """The actor between tasks and the command line: what tasks report waits here, and whether to stop."""

    def __init__(self) -> None:
        self.events: list[HubEvent] = []
        self.stopping = False

    def report(self, events: Sequence[HubEvent]) -> bool:
        """Leave what happened to which trials; returns whether to stop."""
        self.events += events
        return self.stopping

    def take(self) -> list[HubEvent]:
        """Return the events that wait, and forget them."""
        events, self.events = self.events, []
        return events

    def stop(self) -> None:
        """Have every task stop."""
        self.stopping = True


def start_hub() -> HubHandle:
    """Start the actor, on the node of the command line: while that lives, so does the actor."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    hub: HubHandle = ray.remote(num_cpus=0, scheduling_strategy=here)(Hub).remote()
    return hub


def do_job(job: Job, slots: Cluster, limits: Limits, hub: HubHandle, settings: Mapping[str, str]) -> Done:
    """The task: do a job on this node, within what Ray gives it.

    Raises:
        UserError: a plugin's file or the results folder is not there, or the dataset cannot be loaded.
        StorageError: results could not be written for as long as they were waited for.
    """
    _require_files(job)
    os.environ.update(settings)
    lost = threading.Event()

    def attempt() -> Done:
        if isinstance(job, CompareJob):
            return _carry_out(job, slots, limits, hub, lost, ())
        with claim_trials(job, lost.set) as claim:
            if claim.job is None:
                return replace(NOTHING, held=[job], holder=claim.holder)
            return _carry_out(claim.job, slots, limits, hub, lost, claim.files) if claim.job.trials else NOTHING

    return replace(patiently(attempt, limits.patience), lost=lost.is_set())


def _carry_out(
    job: Job, slots: Cluster, limits: Limits, hub: HubHandle, lost: threading.Event, files: Sequence[int]
) -> Done:
    import ray

    if ray.get(hub.report.remote([(trial.id, Begun()) for trial in job.trials])):
        return Done(End(Exit.INTERRUPTED))
    with _reporting(hub, lost) as (report, stopping):
        return Attempt(job, placement(slots), limits.timeout, held=files).run(report, stopping)


def placement(slots: Cluster) -> Placement:
    """Where a task's worker process computes: on the GPU that Ray gives the task."""
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "") if slots.device == "cuda" else ""
    return Placement(slots.device, slots.threads, gpu)


@contextmanager
def _reporting(hub: HubHandle, lost: threading.Event) -> Iterator[tuple[Report, Callable[[], bool]]]:
    """Send what a worker reports to the hub, about once a second, for as long as the context lasts.

    Yields what the worker is to report to, and a function that says whether it is to stop: the hub says so or has
    ended, or the job is `lost` to another run.
    """
    import ray

    events: list[HubEvent] = []
    ended, stop = threading.Event(), threading.Event()

    def pass_on() -> None:
        last = False
        while not last:
            last = ended.wait(REPORT_SECONDS)
            left = len(events)  # What is reported from now on is passed on the next time.
            try:
                stopping = ray.get(hub.report.remote(events[:left]))
            except ray.exceptions.RayError:
                stopping = True
            del events[:left]
            if stopping or lost.is_set():
                stop.set()

    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    try:
        yield lambda name, event: events.append((name, event)), stop.is_set
    finally:
        ended.set()
        thread.join()


def _require_files(job: Job) -> None:
    here = socket.gethostname()
    for file in job.plugins:
        if not Path(file).is_file():
            raise UserError(f"--plugin {file}: it is not on the node {here}; with --ray, every node must have it there")
    if not exists(ResultsFolder(job.folder).suite_file):
        raise UserError(f"--output {job.folder}: the node {here} does not see it; with --ray, all nodes must share it")
