"""What runs the jobs of a study, on this machine or on a Ray cluster."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from harness.execution.patience import PATIENCE_SECONDS
from harness.execution.process import End
from harness.execution.protocol import CompareJob, TrialJob
from harness.results.result import Result
from harness.suite.trial import Trial
from harness.training.events import Event


class Executor(ABC):
    """Runs each job in a process of its own.

    A process that crashes, hangs or runs out of memory ends its own trial, or the trials of its fleet, with a recorded
    outcome, and no other.

    Args:
        timeout: seconds that one trial may take in this run, and a fleet so many times as many as it has trials; None
            for no limit.
        patience: seconds that storage is waited for when it is full or out of reach.
    """

    def __init__(self, timeout: float | None = None, patience: float = PATIENCE_SECONDS) -> None:
        self.timeout = timeout
        self.patience = patience
        self.stopping = False
        """Whether it was asked to stop."""
        self.lost = False
        """Whether another run has taken over trials of this one, which then stops."""

    @abstractmethod
    def run_trials(
        self,
        jobs: Sequence[TrialJob],
        started: Callable[[Trial], None],
        reported: Callable[[Trial, Event], None],
        finished: Callable[[Trial, Result], None],
    ) -> Sequence["HeldJob"]:
        """Run every job, beginning with the first; the callbacks are called one at a time.

        Returns:
            Jobs that were not begun because another run holds their trials.

        Raises:
            UserError: the plugins or the dataset cannot be loaded, where the jobs run.
            StorageError: results could not be written for as long as they were waited for.
        """

    @abstractmethod
    def run_comparison(self, job: CompareJob, reported: Callable[[Event], None]) -> End | None:
        """Run a comparison of models; None if the run is being stopped."""

    def stop(self) -> None:
        """Start no further job, and have the running ones save and end.

        It does no more than set a flag, because handlers of signals call it.
        """
        self.stopping = True

    def lose(self) -> None:
        """Stop, because another run does what this one believed to hold."""
        self.lost = True
        self.stopping = True


HeldJob = tuple[TrialJob, str]
"""A job whose trials another run holds, and who that is in words."""
