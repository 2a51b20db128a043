"""The life of a trial, or of a fleet of them, in its worker process: train, score, record."""

import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from harness.dataset import Dataset
from harness.errors import DivergenceError, in_a_line
from harness.execution.protocol import TrialJob
from harness.model import Model
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.results.provenance import provenance
from harness.results.result import Outcome, Result
from harness.scoring.model_evaluation import ModelEvaluation, join_alike
from harness.scoring.score import score
from harness.storage.atomic import locked
from harness.storage.location import is_local
from harness.storage.records import now
from harness.suite.build import load_dataset
from harness.suite.trial import Trial, score_key
from harness.training.memory import is_out_of_memory
from harness.training.progress import Progress
from harness.training.trainer import Interrupted, Observer, Trained, train

if TYPE_CHECKING:
    from harness.execution.protocol import StopRequest


def run_trials(job: TrialJob, report: Callable[[str, Progress], None], stop: "StopRequest") -> bool:
    """Do what is left of a job's trials and write their results; a stop leaves checkpoints and no results.

    Returns:
        Whether the job's fleet was too large for the memory; trials without a result are to be tried in smaller ones.
    """
    results = ResultsFolder(job.folder)
    with ExitStack() as locks:
        # Always in the same order, so that no two jobs wait for each other.
        for trial in sorted(job.trials, key=lambda trial: trial.id):
            folder = results.trial(trial.id)
            if is_local(folder.path):
                # The run holds the trial's lease, but of a run that was killed the worker may live a moment longer.
                locks.enter_context(locked(folder.lock))
                folder.remove_leftovers()
            folder.write_trial(trial)
        life = _TrialRun(job, results, report)
        with suppress(Interrupted):
            life.train_and_score(stop)
    return life.crowded


class _TrialRun:
    """The trials of a job on their way to their results."""

    def __init__(self, job: TrialJob, folder: ResultsFolder, report: Callable[[str, Progress], None]) -> None:
        self.job = job
        self.folder = folder
        self.report = report
        self.started = monotonic()
        self.crowded = False

    def train_and_score(self, stop: "StopRequest") -> None:
        """Train all trials and score each that came to its end.

        Raises:
            Interrupted: it was asked to stop.
        """
        try:
            registry = PluginManager([Path(file) for file in self.job.plugins], self.job.blocked).registry
            dataset = load_dataset(registry, self.job.trials[0].dataset, self.job.placement.device)
        except Exception as error:  # Any end of a trial is a recorded outcome.
            for trial in self.job.trials:
                self._fail(trial, error)
            return
        observer = Observer(
            report=lambda trial, progress: self.report(trial.id, progress),
            failed=self._fail,
            stopping=stop,
            provenance=self._provenance,
        )
        stop.polite = True
        models = train(
            self.job.trials,
            registry,
            dataset,
            self.folder,
            observer,
            engine=self.job.engine,
            checkpoint_seconds=self.job.checkpoint_seconds,
        )
        stop.polite = False
        try:
            evaluations = self._evaluations(models, dataset, registry)
        except Exception as error:  # As above.
            for trial in self.job.trials:
                if trial.id in models:
                    self._fail(trial, error)
            return
        for trial in self.job.trials:
            if stop():
                raise Interrupted
            if trial.id in evaluations:
                try:
                    self._score(trial, evaluations[trial.id], registry)
                except Exception as error:  # As above.
                    self._fail(trial, error)
                evaluations[trial.id].end()

    def _evaluations(
        self, models: Mapping[str, Model], dataset: Dataset, registry: Registry
    ) -> dict[str, ModelEvaluation]:
        """Of the trained models; on a GPU alike ones encode and generate together, which on a CPU takes longer."""
        trained = [trial for trial in self.job.trials if trial.id in models]
        seed = self.job.evaluation_seed
        evaluations = {
            trial.id: ModelEvaluation(
                models[trial.id], dataset, held_out=trial.training.held_out, seed=seed, registry=registry
            )
            for trial in trained
        }
        if dataset.device.type == "cuda" and trained:
            first = trained[0]
            join_alike(
                list(evaluations.values()),
                lambda text: self.report(first.id, Progress(0, 0, stage="scoring", note=text)),
            )
        return evaluations

    def _score(self, trial: Trial, evaluation: ModelEvaluation, registry: Registry) -> None:
        """Score a trained trial with the metrics that it lacks, and write its result."""
        folder = self.folder.trial(trial.id)
        earlier = folder.result
        kept = [record for record in earlier.scores if record.status != "failed"] if earlier else []
        have = {record.key for record in kept}
        seed = self.job.evaluation_seed
        missing = [metric for metric in self.job.metrics if score_key(metric, seed) not in have]
        steps = trial.training.steps
        records = score(
            evaluation, missing, registry, lambda metric: self.report(trial.id, Progress(steps, steps, stage=metric))
        )
        trained = Trained.of(folder)
        result = Result(
            trial.id,
            Outcome.FINISHED,
            seconds=trained.seconds,
            finished_at=now(),
            scores=(*kept, *records),
            # Of the training: a metric that is added on another machine moves no model there.
            provenance=trained.provenance,
        )
        folder.write_result(result)

    def _fail(self, trial: Trial, error: Exception) -> None:
        """Write the result of a trial that ended with an error; scores it had before are kept.

        Where the memory was too small for a fleet that can still be divided, there is no result yet.
        """
        if self.job.divisible and outcome_of(error) is Outcome.OUT_OF_MEMORY:
            self.crowded = True
            return
        folder = self.folder.trial(trial.id)
        earlier = folder.result
        result = Result(
            trial.id,
            outcome_of(error),
            reason=str(error) if isinstance(error, DivergenceError) else in_a_line(error),
            traceback="".join(traceback.format_exception(error)),
            seconds=monotonic() - self.started,
            finished_at=now(),
            scores=earlier.scores if earlier else (),
            provenance=self._provenance(),
        )
        folder.write_result(result)

    def _provenance(self) -> dict[str, str | int]:
        return {**provenance(self.job.placement.device), "engine": self.job.engine, "fleet": len(self.job.trials)}


def outcome_of(error: Exception) -> Outcome:
    """Which kind of end an error is."""
    if isinstance(error, DivergenceError):
        return Outcome.DIVERGED
    return Outcome.OUT_OF_MEMORY if is_out_of_memory(error) else Outcome.FAILED
