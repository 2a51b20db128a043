"""What a run and its worker processes tell each other: jobs, messages, stop requests, exit codes."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum
from types import FrameType
from typing import Self, TypeAlias

from harness.errors import StopNow
from harness.suite.trial import Choice, Trial, by_training, checked
from harness.training.events import Alert, Event, Note, Progress

CHECKPOINT_SECONDS = 30.0
"""Time between two checkpoints of a trial, unless told otherwise."""

ORDER = b"fork"
"""What is sent to the fork server beside the files; that nothing is would mean that the parent has ended."""


class Exit(IntEnum):
    """Exit codes of a worker. Any other one is an accident, as is DONE of a trial without a result."""

    DONE = 0
    USER_MISTAKE = 2
    """The plugins or the dataset cannot be loaded because of something that the user can mend; nothing is recorded."""
    INTERRUPTED = 3
    """It was asked to stop, and its state is saved."""
    OUT_OF_MEMORY = 4
    """A fleet ran out of memory; trials without a result are to be tried in smaller fleets."""
    STORAGE = 5
    """Results cannot be read or written now; the job continues from its last checkpoint when they can."""
    INCOMPLETE = 6
    """Some models that were to be compared are damaged or missing; their trials are to be done again first."""


@dataclass(frozen=True)
class Placement:
    """Where a worker computes.

    Attributes:
        device: "cpu", "cuda" or "mps".
        threads: CPU threads the worker may use.
        gpu: the entry for CUDA_VISIBLE_DEVICES; "" on the CPU.
    """

    device: str = "cpu"
    threads: int = 1
    gpu: str = ""


@dataclass(frozen=True)
class TrialJob:
    """Train trials as far as needed and score each with those metrics it has no score of.

    Attributes:
        trials: what to do; several are a fleet, which shares a dataset and is trained together.
        folder: the results folder, a path or a URL.
        metrics: what to score by.
        evaluation_seed: of the metrics' draws.
        plugins: files of plugins to load.
        blocked: plugins not to load.
        engine: "eager", "compiled" or "graph".
        checkpoint_seconds: time between two checkpoints.
        pictures: whether pictures of the trained models are drawn.
        keep_checkpoints: whether trained models keep their last checkpoint.
        others: by a trial's id those of others in the folder that are states of the same training.
        placement: where to compute.
        halved: whether this is what is left of a fleet that ran out of memory.
        planned: finish time of an earlier, failed result of each trial to retry; by it a run notices that another one
            has redone the trial meanwhile.
        leases: at a URL, the objects by which the run holds the trials; gone if another run has taken one over.
    """

    trials: Sequence[Trial]
    folder: str
    metrics: Sequence[Choice]
    evaluation_seed: int
    plugins: Sequence[str] = ()
    blocked: Sequence[str] = ()
    engine: str = "eager"
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    pictures: bool = False
    keep_checkpoints: bool = True
    others: Mapping[str, Sequence[str]] = field(default_factory=dict)
    placement: Placement = field(default_factory=Placement)
    halved: bool = False
    planned: Mapping[str, str] = field(default_factory=dict)
    leases: Sequence[str] = ()

    @property
    def divisible(self) -> bool:
        """Whether it is a fleet that may be tried again as two halves."""
        return len(by_training(self.trials)) > 1 and not self.halved

    def halves(self, trials: Sequence[Trial]) -> list[Self]:
        """Some of the trials, in fleets of half the size; the states of one training stay together."""
        half = (len(by_training(self.trials)) + 1) // 2
        trainings = by_training(trials)
        parts = ([trial for states in part for trial in states] for part in (trainings[:half], trainings[half:]))
        return [replace(self, trials=part, halved=True) for part in parts if part]


@dataclass(frozen=True)
class CompareJob:
    """Let selectors compare the models of finished trials; attributes as of `TrialJob`.

    Attributes:
        at_once: parts of a comparison that are done at the same time, each with the threads of `placement`.
    """

    trials: Sequence[Trial]
    folder: str
    selectors: Sequence[Choice]
    evaluation_seed: int
    plugins: Sequence[str] = ()
    blocked: Sequence[str] = ()
    placement: Placement = field(default_factory=Placement)
    at_once: int = 1


Job = TrialJob | CompareJob

JOBS: dict[str, type[TrialJob] | type[CompareJob]] = {"trial": TrialJob, "compare": CompareJob}


def encode_job(job: Job) -> bytes:
    """A job as a line of JSON."""
    kind = next(kind for kind, job_class in JOBS.items() if isinstance(job, job_class))
    trials = [trial.to_json() for trial in job.trials]
    return json.dumps({"kind": kind, **asdict(replace(job, trials=())), "trials": trials}).encode() + b"\n"


def decode_job(line: bytes) -> Job:
    """The opposite of `encode_job`.

    Raises:
        KeyError, ValueError: something is missing or of another type, as of another version of the harness.
    """
    data = json.loads(line)
    trials = [Trial.from_json(trial) for trial in data["trials"]]
    job: Job = checked(JOBS[data.pop("kind")], {**data, "trials": trials})
    return job


Report: TypeAlias = Callable[[str, Event], None]
"""Is told the id of a trial, "" for a comparison, and what happens to it."""

EVENTS: dict[str, type[Progress | Note | Alert]] = {event.__name__: event for event in (Progress, Note, Alert)}


@dataclass(frozen=True)
class Reported:
    """A worker reports what happens to one of its trials.

    Attributes:
        trial: its id; "" for a comparison.
        event: what happens.
    """

    trial: str
    event: Event


@dataclass(frozen=True)
class Problem:
    """Why a worker ends without a result; its exit code says what kind of problem it is.

    Attributes:
        text: the reason.
        place: the file or URL that cannot be read or written.
        errno: of that, 0 if it is not known.
    """

    text: str
    place: str = ""
    errno: int = 0


@dataclass(frozen=True)
class Ended:
    """The work is over: whatever plugins have left running may hold up the process no longer.

    Attributes:
        code: its exit code.
    """

    code: int


Message: TypeAlias = Reported | Problem | Ended


def encode_message(message: Message) -> bytes:
    """A message of a worker as a line of JSON."""
    if isinstance(message, Reported):
        data = {"kind": type(message.event).__name__, "trial": message.trial, **asdict(message.event)}
    else:
        data = {"kind": type(message).__name__, **asdict(message)}
    return json.dumps(data).encode() + b"\n"


def decode_message(line: bytes) -> Message:
    """The opposite of `encode_message`.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    data = json.loads(line)
    match data.pop("kind"):
        case "Problem":
            return Problem(**data)
        case "Ended":
            return Ended(**data)
        case kind:
            return Reported(data.pop("trial"), EVENTS[kind](**data))


class StopRequest:
    """Whether the parent has asked the worker to stop.

    Within `politely` the work asks for itself, at moments when it can save; elsewhere the request interrupts it.
    """

    def __init__(self) -> None:
        self._polite = False
        self.requested = False

    def __call__(self) -> bool:
        """Say whether the work is to stop; asked within `politely`."""
        return self.requested

    @contextmanager
    def politely(self) -> Iterator[None]:
        """Within this block a request interrupts nothing: the work asks for it by itself."""
        self._polite = True
        try:
            yield
        finally:
            self._polite = False

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Handle the signal that asks the worker to stop.

        Raises:
            StopNow: the work does not ask for itself, see `politely`.
        """
        self.requested = True
        if not self._polite:
            raise StopNow
