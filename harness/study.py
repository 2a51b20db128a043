"""A study: a suite run into a results folder, from what is left to do to the finished tables."""

import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import UserError, in_a_line
from harness.execution.devices import Slots
from harness.execution.job import CHECKPOINT_SECONDS, CompareJob, TrialJob
from harness.execution.local import LocalExecutor
from harness.leaderboard import leaderboard, score_table
from harness.plugins import PluginManager
from harness.scoring import score_key
from harness.selection import comparison_key, read_comparison, selection_tables
from harness.store import ResultsFolder, write_json
from harness.suite import Suite
from harness.trial import Choice, Outcome, Progress, Result, Trial


@dataclass(frozen=True)
class Tables:
    """The tables made from a results folder; see `harness.tables` for their columns."""

    scores: pd.DataFrame
    leaderboard: pd.DataFrame
    selections: pd.DataFrame
    selector_scores: pd.DataFrame


def pending_trials(suite: Suite, folder: ResultsFolder, *, retry_failed: bool = False) -> list[Trial]:
    """The trials of a suite that have something left to do, in its order.

    A trial that ended badly, or a metric that failed, is left as it is unless `retry_failed`.
    """
    return [trial for trial in suite.trials if _has_work(suite, folder.trial(trial.id).result, retry_failed)]


def _has_work(suite: Suite, result: Result | None, retry_failed: bool) -> bool:
    if result is None:
        return True
    if result.outcome is not Outcome.FINISHED:
        return retry_failed
    records = {record["key"]: record for record in result.scores}
    found = [records.get(score_key(metric, suite.evaluation_seed)) for metric in suite.metrics]
    return any(record is None or (retry_failed and record["status"] == "failed") for record in found)


def finished_trials(suite: Suite, folder: ResultsFolder) -> list[Trial]:
    """The trials of a suite that were trained to their end."""
    results = [(trial, folder.trial(trial.id).result) for trial in suite.trials]
    return [trial for trial, result in results if result and result.outcome is Outcome.FINISHED]


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
        fleets: the suite's trials, those together that are trained together; each alone by default.
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
        slots: Slots,
        *,
        fleets: Sequence[Sequence[Trial]] | None = None,
        engine: str = "eager",
        timeout: float | None = None,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        if engine == "graph" and not slots.gpus:
            raise UserError("--engine graph: it replays CUDA graphs, and there is no GPU to run on; choose another")
        self.suite = suite
        self.folder = ResultsFolder(folder)
        self.folder.create()
        self.manager = manager
        self.executor = LocalExecutor(slots, timeout)
        self.fleets = fleets or [[trial] for trial in suite.trials]
        self.engine = engine
        self.checkpoint_seconds = checkpoint_seconds

    def discard(self) -> None:
        """Delete what the folder holds of the suite's trials, and its comparisons."""
        for trial in self.suite.trials:
            shutil.rmtree(self.folder.trial(trial.id).path, ignore_errors=True)
        shutil.rmtree(self.folder.path / "comparisons", ignore_errors=True)

    def run(self, *, retry_failed: bool = False) -> Tables:
        """Do all that is left: trials, then comparisons by selectors, then the tables, which are returned."""
        self.folder.write_suite(self.suite)
        pending = pending_trials(self.suite, self.folder, retry_failed=retry_failed)
        self._observe("harness_suite_started", suite=self.suite, trials=pending, folder=self.folder.path)
        self.executor.run_trials(
            self._trial_jobs(pending),
            started=lambda trial: self._observe("harness_trial_started", trial=trial),
            progressed=lambda trial, progress: self._observe("harness_trial_progress", trial=trial, progress=progress),
            finished=lambda trial, result: self._observe("harness_trial_finished", trial=trial, result=result),
        )
        self._compare(retry_failed)
        tables = write_tables(self.folder, self.suite, self.manager)
        self._observe("harness_suite_finished", suite=self.suite, folder=self.folder.path)
        return tables

    def stop(self) -> None:
        """Have running trials save their state and end; `run` then returns."""
        self.executor.stop()

    def _trial_jobs(self, pending: Sequence[Trial]) -> list[TrialJob]:
        left = {trial.id for trial in pending}
        fleets = [[trial for trial in fleet if trial.id in left] for fleet in self.fleets]
        return [
            TrialJob(
                fleet,
                **self._common(),
                metrics=self.suite.metrics,
                engine=self.engine,
                checkpoint_seconds=self.checkpoint_seconds,
            )
            for fleet in fleets
            if fleet
        ]

    def _common(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder.path.resolve()),
            "evaluation_seed": self.suite.evaluation_seed,
            "plugins": [str(file.resolve()) for file in self.manager.files],
            "blocked": sorted(self.manager.blocked),
        }

    def _compare(self, retry_failed: bool) -> None:
        finished = finished_trials(self.suite, self.folder)
        selectors = pending_selectors(self.suite, self.folder, finished, retry_failed=retry_failed)
        if not selectors:
            return
        job = CompareJob(finished, **self._common(), selectors=selectors)
        end = self.executor.run_comparison(job, self._observe_comparison)
        if end is None or end.interrupted or end.returncode == 0:
            return
        reason = "it took too long" if end.timed_out else end.reason
        for choice in pending_selectors(self.suite, self.folder, finished):
            key = comparison_key(choice, finished, self.suite.evaluation_seed)
            empty: dict[str, Any] = {"selector": choice.name, "trials": [], "left_out": {}, "comparisons": None}
            write_json(self.folder.comparison(key), {**empty, "failed": reason})

    def _observe_comparison(self, progress: Progress) -> None:
        self._observe("harness_comparison_progress", progress=progress)

    def _observe(self, hook: str, **arguments: Any) -> None:
        """Tell the plugins; an observer that fails is reported and changes nothing."""
        try:
            getattr(self.manager.hook, hook)(**arguments)
        except Exception as error:  # An observer may raise anything; it must not stop the study.
            warnings.warn(f"a plugin's {hook} failed: {in_a_line(error)}", stacklevel=2)


def failures(suite: Suite, folder: ResultsFolder) -> list[str]:
    """Everything in a results folder that went wrong, a line each."""
    lines = [
        f"{trial.title} ({trial.id}): {failure}"
        for trial in suite.trials
        if (result := folder.trial(trial.id).result)
        for failure in result.failures
    ]
    finished = finished_trials(suite, folder)
    for choice in suite.selectors:
        found = read_comparison(folder, choice, finished, suite.evaluation_seed)
        if found and found["failed"]:
            lines.append(f"{choice.name}: {found['failed']}")
    return lines


def make_tables(folder: ResultsFolder, suite: Suite, manager: PluginManager) -> Tables:
    """Every table, made anew from the trials' own files."""
    scores = score_table(folder, suite)
    selections, selector_scores = selection_tables(
        folder, suite, finished_trials(suite, folder), scores, manager.registry
    )
    return Tables(scores, leaderboard(scores, suite), selections, selector_scores)


def write_tables(folder: ResultsFolder, suite: Suite, manager: PluginManager) -> Tables:
    """Make every table and write it as Parquet."""
    tables = make_tables(folder, suite, manager)
    for name, table in vars(tables).items():
        folder.write_table(name, table)
    return tables
