"""Selectors comparing finished models: in one run at a time, and each comparison once."""

import logging
from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import Any

from harness.execution.executor import Executor
from harness.execution.protocol import CompareJob, Exit
from harness.results.folder import ResultsFolder
from harness.selection.record import ComparisonRecord, read_comparison, write_comparison
from harness.storage.leases import holder, lease
from harness.suite.trial import Choice, Trial
from harness.training.events import Event, Progress

logger = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
"""Time between two looks at what another run holds."""


class Comparing:
    """Has selectors compare models.

    Args:
        folder: where the models and the comparisons are.
        executor: what runs a comparison.
        common: what jobs of the study have in common, the evaluation's seed among it.
        tell: is told how far a comparison is.
    """

    def __init__(
        self, folder: ResultsFolder, executor: Executor, common: Mapping[str, Any], tell: Callable[[Event], None]
    ) -> None:
        self._folder = folder
        self._executor = executor
        self._common = common
        self._tell = tell

    def pending(
        self, selectors: Sequence[Choice], trials: Sequence[Trial], *, retry_failed: bool = False
    ) -> list[Choice]:
        """The selectors that have not compared these trials."""
        if len(trials) < 2:
            return []
        found = [(choice, self._read(choice, trials)) for choice in selectors]
        return [choice for choice, record in found if record is None or (retry_failed and record.failed)]

    def compare(self, selectors: Sequence[Choice], trials: Sequence[Trial], *, retry_failed: bool = False) -> bool:
        """Let selectors that have not done so compare trials; returns whether they did, in this run.

        Raises:
            StorageError: a result cannot be read or written.
        """
        waiting = False
        while not self._executor.stopping and self.pending(selectors, trials, retry_failed=retry_failed):
            with lease(self._folder.comparisons_lease, self._executor.lose) as got:
                if got:
                    self._compare(self.pending(selectors, trials, retry_failed=retry_failed), trials)
                    return True
            if not waiting:
                who = holder(self._folder.comparisons_lease)
                logger.warning("another run (%s) compares the models; this one waits for it", who)
                waiting = True
            sleep(WAIT_SECONDS)
        return False

    def _compare(self, selectors: Sequence[Choice], trials: Sequence[Trial]) -> None:
        """Let selectors compare trials in one process; where one ends it, the others go on in another."""
        self._folder.set_aside_damaged_comparisons()
        while selectors:
            begun: list[int] = []

            def tell(event: Event, begun: list[int] = begun) -> None:
                if isinstance(event, Progress):
                    begun.append(event.step)
                self._tell(event)

            end = self._executor.run_comparison(CompareJob(trials, **self._common, selectors=selectors), tell)
            if end is None or end.interrupted or (end.orderly and end.returncode in (Exit.DONE, Exit.INCOMPLETE)):
                return
            reason = "it took too long" if end.timed_out else end.reason
            # Of one that ends the process while models are loaded nothing can be told from any other.
            blamed, selectors = (selectors[begun[-1] :][:1], selectors[begun[-1] + 1 :]) if begun else (selectors, [])
            for choice in blamed:
                record = ComparisonRecord.of_nothing(choice, reason)
                write_comparison(self._folder, choice, trials, self._common["evaluation_seed"], record)

    def _read(self, choice: Choice, trials: Sequence[Trial]) -> ComparisonRecord | None:
        return read_comparison(self._folder, choice, trials, self._common["evaluation_seed"])
