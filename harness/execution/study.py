"""A study: a suite run into a results folder, from what is left to do to the finished tables."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any, TypeVar

from harness.errors import StorageError, in_a_line, without_exits
from harness.execution.comparing import WAIT_SECONDS, Comparing
from harness.execution.devices import Slots
from harness.execution.executor import Executor
from harness.execution.local import LocalExecutor
from harness.execution.patience import patiently
from harness.execution.plan import Plan, RunOptions, plan_run
from harness.execution.progress_lines import progress_lines
from harness.execution.protocol import TrialJob
from harness.execution.ray_cluster import ClusterExecutor
from harness.execution.schedule import longest_first
from harness.execution.search import SearchState, beginning, search_state
from harness.plugins.manager import PluginManager
from harness.results.earlier import others_note, states_of
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result
from harness.results.status import StudyStatus
from harness.storage.location import absolute, location
from harness.suite.suite import Suite, load_suite, make_suite
from harness.suite.trial import Trial
from harness.summary.tables import Tables, failures, read_tables, write_tables
from harness.training.events import Alert, Event, Note, Progress

T = TypeVar("T")

logger = logging.getLogger(__name__)

ROUNDS = 3
"""How often the trials of a suite are done again because what they had left was damaged, at most."""


@dataclass(frozen=True)
class RunSummary:
    """What a run did and left.

    Attributes:
        folder: where the results are.
        tables: made from everything in it.
        status: of the whole suite at the end.
        trials: those that this run was to do: of a shard, a part of the suite's.
        failures: everything that went wrong, a line each.
    """

    folder: ResultsFolder
    tables: Tables
    status: StudyStatus
    trials: Sequence[Trial]
    failures: Sequence[str]

    @property
    def pending(self) -> Sequence[Trial]:
        """The run's trials that have something left to do."""
        own = {trial.id for trial in self.trials}
        return [trial for trial in self.status.pending if trial.id in own]

    @property
    def unfinished(self) -> Sequence[str]:
        """What a run that was not stopped has left undone all the same, a line each."""
        reason = f"it has no result after {ROUNDS} tries: its process was ended each time, or its record is unreadable"
        return [f"{trial.title} ({trial.id}): {reason}" for trial in self.pending]


@without_exits()
def run(
    suite: Suite | Mapping[str, Any] | Path | str,
    output: Path | str | None = None,
    *,
    options: RunOptions | None = None,
    plugins: PluginManager | Sequence[Path] = (),
    overrides: Sequence[str] = (),
    progress: bool | None = None,
) -> RunSummary:
    """Do all that is left of a suite, as `harness run` does: train its trials, score them, let selectors choose.

    Args:
        suite: a suite, its TOML file, or what would stand there as dictionaries and lists, see `make_suite`.
        output: the results folder, a path or a URL; None for results/NAME OF SUITE.
        options: how to run it.
        plugins: single-file plugins to load, or the plugins themselves.
        overrides: of the file's keys, such as "training.steps=100".
        progress: whether a line is printed for each trial that ends; None for notebooks and terminals only.

    Raises:
        UserError: something in the suite or the options cannot be used.
        StorageError: results cannot be written.
        ExitError: a plugin calls `sys.exit` in this process.
    """
    manager = plugins if isinstance(plugins, PluginManager) else PluginManager(plugins)
    options = options or RunOptions()
    if isinstance(suite, Mapping):
        name = location(output).name if output else "study"
        checked = make_suite(suite, manager.registry, name=name, overrides=overrides)
    else:
        checked = suite if isinstance(suite, Suite) else load_suite(Path(suite), manager.registry, overrides)
    folder = location(output or Path("results") / checked.name)
    again = options.retry_failed or options.fresh
    checked = search_state(checked, ResultsFolder(folder), manager.registry, retry_failed=again).suite
    study = Study(checked, folder, manager, plan_run(checked, manager, options), options)
    with progress_lines(manager, shown=progress):
        return study.run()


class Study:
    """Runs a suite into a folder.

    Args:
        suite: what to do.
        folder: where results go; what is there already is not done again.
        manager: the plugins; their observing hooks are told what happens.
        plan: which of the trials are done, where and by which engine.
        options: the rest of what was asked of the run.
    """

    def __init__(self, suite: Suite, folder: Path, manager: PluginManager, plan: Plan, options: RunOptions) -> None:
        self.suite = suite
        self.folder = ResultsFolder(folder)
        self.manager = manager
        self.plan = plan
        self.options = options
        self.executor: Executor = (
            LocalExecutor(plan.slots, options.timeout, options.patience)
            if isinstance(plan.slots, Slots)
            else ClusterExecutor(plan.slots, options.timeout, options.patience)
        )
        self._comparing = Comparing(self.folder, self.executor, self._common(), self._tell_of_comparison)

    def run(self) -> RunSummary:
        """Do all that is left: trials, then, if no trial of the suite is left, comparisons by selectors.

        Trials that another run holds are left to it, unless it dies; this one waits for them. What a comparison finds
        to be damaged is done again.

        Raises:
            UserError: the folder cannot be written; `fresh` would delete what another run works on; the dataset
                cannot be loaded.
            StorageError: something could not be written for as long as it was waited for, or another run has taken
                over trials that this one held.
        """
        retry_failed = self.options.retry_failed
        self._patiently(self.folder.create)
        if self.options.fresh:
            self.folder.discard(self.plan.trials)
            self._follow(beginning(self.suite))
        self._begin()
        status = self._read_status()
        pending = self._own(status.left(retry_failed=retry_failed))
        self._tell_before_training(pending, status)
        self._observe("harness_suite_started", suite=self.suite, trials=pending, folder=self.folder.path)
        tries = 0
        while tries < ROUNDS:
            tries += 1
            if pending:
                self._train(self._trial_jobs(pending, status))
                status = self._read_status()
            if self.suite.searches:
                tries = 0 if self._search_on(status, retry_failed) else tries
                status = self._read_status()  # Of more trials, or without damaged models.
            if self._patiently(partial(self._compare, status, retry_failed)):
                status = self._read_status()  # Damaged models were set aside, and their results with them.
            retry_failed = False
            pending = self._own(status.pending)
            if not pending or self.executor.stopping:
                break
        if self.executor.lost:
            raise StorageError(0, "it was out of reach for so long that another run took trials over", self.folder.path)
        tables = self._patiently(lambda: self._tables(status))
        self._observe("harness_suite_finished", suite=self.suite, folder=self.folder.path, tables=dict(vars(tables)))
        failed = self._patiently(lambda: failures(self.folder, status, tables.selections))
        return RunSummary(self.folder, tables, status, self.plan.trials, failed)

    def _begin(self) -> None:
        """Record which suite is run, and say what the folder holds of others."""
        if others := self._patiently(lambda: self.folder.others(self.suite)):
            note = others_note(self.folder, len(others))
            logger.warning("%s. With another --output they are kept apart", note)
        self._patiently(lambda: self.folder.write_suite(self.suite))

    def _read_status(self) -> StudyStatus:
        return self._patiently(lambda: StudyStatus.read(self.suite, self.folder))

    def _tables(self, status: StudyStatus) -> Tables:
        return read_tables(self.folder, status) or write_tables(self.folder, status, self.manager)

    def _patiently(self, work: Callable[[], T]) -> T:
        return patiently(work, self.options.patience, lambda: self.executor.stopping)

    def _own(self, trials: Sequence[Trial]) -> Sequence[Trial]:
        """The trials, of those given, that this run is to do: its shard."""
        own = {trial.id for trial in self.plan.trials}
        return [trial for trial in trials if trial.id in own]

    def _train(self, jobs: Sequence[TrialJob]) -> None:
        """Run jobs, and those that another run holds when it has given them back."""
        told = ""
        while jobs:
            held = self.executor.run_trials(
                jobs,
                started=lambda trial: self._observe("harness_trial_started", trial=trial),
                reported=self._tell_of_trial,
                finished=self._tell_of_end,
            )
            jobs = [job for job, _ in held]
            if not jobs or self.executor.stopping:
                return
            left = sum(len(job.trials) for job in jobs)
            holders = ", ".join(sorted({holder for _, holder in held}))
            if (line := f"another run ({holders}) holds {left} of the trials that are left; waiting for it") != told:
                logger.warning("%s", line)
                told = line
            sleep(WAIT_SECONDS)

    def _tell_before_training(self, pending: Sequence[Trial], status: StudyStatus) -> None:
        """Log what a user might want to change before hours have passed."""
        slots = self.plan.slots
        from harness.training.precision import precision_note  # torch, which those who only read results do without.

        precisions = {trial.training.precision for trial in pending}
        device = "cuda" if slots.gpus else slots.device
        notes = [precision_note(precision, device) for precision in sorted(precisions)]
        if pending:
            notes.append(status.thread_note(slots.threads))
        for note in filter(None, notes):
            logger.warning("note: %s", note)

    def stop(self) -> None:
        """Have running trials save their state and end; `run` then returns."""
        self.executor.stop()

    def _trial_jobs(self, pending: Sequence[Trial], status: StudyStatus) -> list[TrialJob]:
        """A job for each fleet with something left to do, the longest first."""
        left = {trial.id for trial in pending}
        alone = self.options.fresh  # What was there of other suites' trials is not continued.
        others = self._patiently(lambda: states_of(pending, self.folder, self.suite, alone=alone))
        fleets = [[trial for trial in fleet if trial.id in left] for fleet in self.plan.fleets]
        return [
            TrialJob(
                fleet,
                **self._common(),
                metrics=self.suite.metrics,
                engine=self.plan.engine,
                checkpoint_seconds=self.options.checkpoint_seconds,
                pictures=self.options.pictures,
                keep_checkpoints=not self.options.drop_checkpoints,
                others={trial.id: others[trial.id] for trial in fleet if trial.id in others},
                planned={
                    trial.id: status.results[trial.id].finished_at for trial in fleet if trial.id in status.results
                },
            )
            for fleet in longest_first(fleets, status.ended)
            if fleet
        ]

    def _common(self) -> dict[str, Any]:
        return {
            "folder": absolute(self.folder.path),
            "evaluation_seed": self.suite.evaluation_seed,
            "plugins": [os.path.realpath(file) for file in self.manager.files],
            "blocked": sorted(self.manager.blocked),
        }

    def _compare(self, status: StudyStatus, retry_failed: bool) -> bool:
        """Let selectors compare the models, if all are there; returns whether they did."""
        if status.pending:
            return False
        return self._comparing.compare(self.suite.selectors, status.candidates, retry_failed=retry_failed)

    def _search_on(self, status: StudyStatus, retry_failed: bool) -> bool:
        """Let the searches choose further trials, if all that they have chosen are done; returns whether they did."""
        if status.pending or self.executor.stopping:
            return False
        state = self._search_state(retry_failed)
        while [
            selector
            for selector, trials in state.comparisons
            if self._comparing.compare([selector], trials, retry_failed=retry_failed)
        ]:
            retry_failed = False
            state = self._search_state(retry_failed)
        known = {trial.id for trial in self.suite.trials}
        chosen = [trial for trial in state.suite.trials if trial.id not in known]
        if chosen:
            self._follow(state.suite)
            self._observe("harness_trials_chosen", suite=self.suite, trials=chosen)
        return bool(chosen)

    def _search_state(self, retry_failed: bool) -> SearchState:
        return self._patiently(
            lambda: search_state(self.suite, self.folder, self.manager.registry, retry_failed=retry_failed)
        )

    def _follow(self, suite: Suite) -> None:
        """Do the trials of a suite whose searches are at another place from now on."""
        self.suite = suite
        self.plan = self.plan.of(suite, self.manager, self.options)
        self._patiently(lambda: self.folder.write_suite(suite))

    def _tell_of_trial(self, trial: Trial, event: Event) -> None:
        match event:
            case Progress():
                self._observe("harness_trial_progress", trial=trial, progress=event)
            case Note(text):
                self._observe("harness_trial_note", trial=trial, text=text)
            case Alert(text):
                logger.warning("%s: %s", trial.title, text)

    def _tell_of_end(self, trial: Trial, result: Result) -> None:
        drawn = self.options.pictures and result.outcome is Outcome.FINISHED
        if pictures := self._patiently(lambda: self.folder.trial(trial.id).pictures) if drawn else {}:
            self._observe("harness_trial_pictures", trial=trial, pictures=pictures)
        self._observe("harness_trial_finished", trial=trial, result=result)

    def _tell_of_comparison(self, event: Event) -> None:
        match event:
            case Progress():
                self._observe("harness_comparison_progress", progress=event)
            case Note(text) | Alert(text):
                logger.warning("%s", text)

    def _observe(self, hook: str, **arguments: Any) -> None:
        """Tell the plugins; an observer that fails is reported and changes nothing."""
        try:
            getattr(self.manager.hook, hook)(**arguments)
        except (Exception, SystemExit) as error:  # An observer may raise anything; it must not stop the study.
            logger.warning("a plugin's %s failed: %s", hook, in_a_line(error))
