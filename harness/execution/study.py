"""A study: a suite run into a results folder, from what is left to do to the finished tables."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from time import sleep
from typing import Any

from harness.errors import StorageError, in_a_line
from harness.execution.devices import Slots
from harness.execution.engine_choice import require_gpu
from harness.execution.local import LocalExecutor
from harness.execution.protocol import CHECKPOINT_SECONDS, CompareJob, TrialJob
from harness.execution.ray_cluster import Cluster, ClusterExecutor
from harness.execution.schedule import longest_first
from harness.plugins.manager import PluginManager
from harness.results.folder import ResultsFolder, tell
from harness.results.status import Standing, standing
from harness.selection.tables import comparison_key, read_comparison
from harness.storage.leases import lease
from harness.storage.location import absolute
from harness.storage.records import write_json
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial
from harness.summary.tables import Tables, read_tables, write_tables
from harness.training.progress import Progress

WAIT_SECONDS = 1.0
"""Time between two looks at trials that another run holds."""

ROUNDS = 3
"""How often the trials of a suite are done again because what they had left was damaged, at most."""


def pending_selectors(
    suite: Suite, folder: ResultsFolder, finished: Sequence[Trial], *, retry_failed: bool = False
) -> list[Choice]:
    """The selectors that have not compared these trials."""
    if len(finished) < 2:
        return []
    found = [(choice, read_comparison(folder, choice, finished, suite.evaluation_seed)) for choice in suite.selectors]
    return [choice for choice, record in found if record is None or (retry_failed and record["failed"])]


class Study:
    """Runs a suite into a folder.

    Args:
        suite: what to do.
        folder: where results go; what is there already is not done again.
        manager: the plugins; their observing hooks are told what happens.
        slots: where trials run.
        fleets: the trials that this run is to do, those together that are trained together; by default all of the
            suite, each alone.
        engine: what trains them: "eager", "compiled" or "graph".
        timeout: seconds that one trial may take in this run; None for no limit.
        checkpoint_seconds: time between two checkpoints of a trial.

    Raises:
        UserError: the folder cannot be written, or the engine needs a GPU.
    """

    def __init__(
        self,
        suite: Suite,
        folder: Path,
        manager: PluginManager,
        slots: Slots | Cluster,
        *,
        fleets: Sequence[Sequence[Trial]] | None = None,
        engine: str = "eager",
        timeout: float | None = None,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        self.fleets = [[trial] for trial in suite.trials] if fleets is None else fleets
        if not slots.gpus:
            require_gpu(engine, max(map(len, self.fleets), default=0))
        self.suite = suite
        self.folder = ResultsFolder(folder)
        self.folder.create()
        self.manager = manager
        self.executor: LocalExecutor | ClusterExecutor = (
            LocalExecutor(slots, timeout) if isinstance(slots, Slots) else ClusterExecutor(slots, timeout)
        )
        self.engine = engine
        self.checkpoint_seconds = checkpoint_seconds
        self._standing: tuple[str, Standing] | None = None

    def discard(self) -> None:
        """Delete what the folder holds of this run's trials, and the suite's comparisons."""
        self.folder.discard(self.trials)

    def standing(self, *, retry_failed: bool = False) -> Standing:
        """How the suite stands; looked up again only if something has changed."""
        state = f"{self.folder.state} {retry_failed}"
        if self._standing is None or self._standing[0] != state:
            self._standing = state, standing(self.suite, self.folder, retry_failed=retry_failed)
        return self._standing[1]

    @property
    def trials(self) -> list[Trial]:
        """The trials that this run is to do."""
        return [trial for fleet in self.fleets for trial in fleet]

    def pending(self, *, retry_failed: bool = False) -> list[Trial]:
        """The trials of this run that have something left to do; see `pending_trials`."""
        own = {trial.id for trial in self.trials}
        return [trial for trial in self.standing(retry_failed=retry_failed).pending if trial.id in own]

    def run(self, *, retry_failed: bool = False) -> Tables:
        """Do all that is left: trials, then, if no trial of the suite is left, comparisons by selectors.

        Trials that another run holds are left to it, unless it dies; this one waits for them. What a comparison finds
        to be damaged is done again.

        Returns:
            The tables, which are written too.

        Raises:
            StorageError: something cannot be written, or another run has taken over trials that this one held.
        """
        self.folder.write_suite(self.suite)
        pending = self.pending(retry_failed=retry_failed)
        self._observe("harness_suite_started", suite=self.suite, trials=pending, folder=self.folder.path)
        for _ in range(ROUNDS):
            self._train(self._trial_jobs(pending, retry_failed))
            self._compare(retry_failed)
            retry_failed = False
            pending = self.pending()
            if not pending or self.executor.stopping:
                break
        if self.executor.lost:
            raise StorageError(0, "it was out of reach for so long that another run took trials over", self.folder.path)
        tables = read_tables(self.folder) or write_tables(self.folder, self.suite, self.manager)
        self._observe("harness_suite_finished", suite=self.suite, folder=self.folder.path)
        return tables

    def _train(self, jobs: Sequence[TrialJob]) -> None:
        while jobs:
            jobs = self.executor.run_trials(
                jobs,
                started=lambda trial: self._observe("harness_trial_started", trial=trial),
                progressed=self._observe_progress,
                finished=lambda trial, result: self._observe("harness_trial_finished", trial=trial, result=result),
            )
            if jobs:
                left = sum(len(job.trials) for job in jobs)
                tell(f"another run holds {left} of the trials that are left; waiting for it")
                sleep(WAIT_SECONDS)

    def stop(self) -> None:
        """Have running trials save their state and end; `run` then returns."""
        self.executor.stop()

    def _trial_jobs(self, pending: Sequence[Trial], retry_failed: bool) -> list[TrialJob]:
        if not pending:
            return []
        left = {trial.id for trial in pending}
        fleets = [[trial for trial in fleet if trial.id in left] for fleet in self.fleets]
        results = self.folder.results(self.suite.trials)
        fleets = longest_first(fleets, ((trial, result) for trial, result in results if result))
        ended_at = self.standing(retry_failed=retry_failed).ended_at
        return [
            TrialJob(
                fleet,
                **self._common(),
                metrics=self.suite.metrics,
                engine=self.engine,
                checkpoint_seconds=self.checkpoint_seconds,
                planned={trial.id: ended_at[trial.id] for trial in fleet if trial.id in ended_at},
            )
            for fleet in fleets
            if fleet
        ]

    def _common(self) -> dict[str, Any]:
        return {
            "folder": absolute(self.folder.path),
            "evaluation_seed": self.suite.evaluation_seed,
            "plugins": [str(file.resolve()) for file in self.manager.files],
            "blocked": sorted(self.manager.blocked),
        }

    def _compare(self, retry_failed: bool) -> None:
        """Let selectors compare the models, in one run at a time."""
        while not self.standing().pending and self._pending_selectors(retry_failed) and not self.executor.stopping:
            with lease(self.folder.comparisons_lease, self.executor.lose) as got:
                if got:
                    self._compare_all(self._pending_selectors(retry_failed))
                    return
            tell("another run compares the models; this one waits for it")
            sleep(WAIT_SECONDS)

    def _pending_selectors(self, retry_failed: bool) -> list[Choice]:
        return pending_selectors(self.suite, self.folder, self.standing().finished, retry_failed=retry_failed)

    def _compare_all(self, selectors: Sequence[Choice]) -> None:
        finished = self.standing().finished
        if not selectors:
            return
        self.folder.set_aside_damaged_comparisons()
        job = CompareJob(finished, **self._common(), selectors=selectors)
        end = self.executor.run_comparison(job, self._observe_comparison)
        if end is None or end.interrupted or end.returncode == 0:
            return
        reason = "it took too long" if end.timed_out else end.reason
        for choice in pending_selectors(self.suite, self.folder, finished):
            key = comparison_key(choice, finished, self.suite.evaluation_seed)
            empty: dict[str, Any] = {"selector": choice.name, "trials": [], "left_out": {}, "comparisons": None}
            write_json(self.folder.comparison(key), {**empty, "failed": reason})

    def _observe_progress(self, trial: Trial, progress: Progress) -> None:
        if progress.warning:
            tell(f"{trial.title}: {progress.warning}")
        else:
            self._observe("harness_trial_progress", trial=trial, progress=progress)

    def _observe_comparison(self, progress: Progress) -> None:
        if progress.warning:
            tell(progress.warning)
        else:
            self._observe("harness_comparison_progress", progress=progress)

    def _observe(self, hook: str, **arguments: Any) -> None:
        """Tell the plugins; an observer that fails is reported and changes nothing."""
        try:
            getattr(self.manager.hook, hook)(**arguments)
        except Exception as error:  # An observer may raise anything; it must not stop the study.
            warnings.warn(f"a plugin's {hook} failed: {in_a_line(error)}", stacklevel=2)
