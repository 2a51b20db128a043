"""The trials of a job in their worker process: train, score, record."""

import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

import torch

from harness.dataset import Dataset
from harness.errors import FULL, DivergenceError, StorageError, UserError, in_a_line
from harness.execution.protocol import Exit, Report, StopRequest, TrialJob
from harness.model import Model
from harness.pictures.trained_model import TrainedModel
from harness.pictures.trial_pictures import trial_pictures
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.results.provenance import provenance
from harness.results.result import Outcome, Result
from harness.scoring.model_evaluation import ModelEvaluation, join_alike
from harness.scoring.score import score_evaluation
from harness.storage.leases import is_lost
from harness.storage.records import now
from harness.storage.tensors import save_tensors
from harness.suite.build import load_dataset
from harness.suite.resolve import check_unchanged
from harness.suite.trial import Trial, by_training, score_key
from harness.training.events import Note, Progress
from harness.training.memory import is_out_of_memory
from harness.training.trainer import Callbacks, Interrupted, Trained, train

ANY_ERROR = (Exception, SystemExit, KeyboardInterrupt)
"""What plugins may raise; only `StopNow` is ours."""


def run_trials(job: TrialJob, report: Report, stop: StopRequest) -> Exit:
    """Do what is left of a job's trials and write their results; a stop leaves checkpoints and no results.

    The run holds the leases of the trials.

    Raises:
        UserError: the plugins or the dataset cannot be loaded because of something that the user can mend.
        StorageError: results cannot be read or written.
    """
    results = ResultsFolder(job.folder)
    for trial in job.trials:
        folder = results.trial(trial.id)
        folder.remove_unfinished()
        folder.write_trial(trial)
    run = _TrialRun(job, results, report)
    try:
        run.train_and_score(stop)
    except Interrupted:
        return Exit.INTERRUPTED
    return Exit.OUT_OF_MEMORY if run.crowded else Exit.DONE


class _TrialRun:
    """The trials of a job on their way to their results."""

    def __init__(self, job: TrialJob, folder: ResultsFolder, report: Report) -> None:
        self.job = job
        self.folder = folder
        self.report = report
        self.started = monotonic()
        self.crowded = False

    def train_and_score(self, stop: StopRequest) -> None:
        """Train all trials and score each that came to its end.

        Raises:
            Interrupted: it was asked to stop.
            UserError, StorageError: as `run_trials`.
        """
        try:
            registry = PluginManager([Path(file) for file in self.job.plugins], self.job.blocked).registry
            self._check_unchanged(registry)
            dataset = load_dataset(registry, self.job.trials[0].dataset, self.job.placement.device)
        except UserError:  # It concerns every trial, and there is nothing yet to be recorded.
            raise
        except ANY_ERROR as error:  # Any other end of a trial is a recorded outcome.
            self._fail_all(self.job.trials, error)
            return
        try:
            with stop.politely():
                models = self._train(registry, dataset, stop)
        except (SystemExit, KeyboardInterrupt) as error:  # A model ends its process, and so all of its fleet.
            self._fail_all(self.job.trials, error)
            return
        trained = [trial for trial in self.job.trials if trial.id in models]
        try:
            evaluations = self._evaluations(models, dataset, registry)
        except ANY_ERROR as error:
            self._fail_all(trained, error)
            return
        for trial in trained:
            if stop():
                raise Interrupted
            try:
                self._score(trial, evaluations[trial.id], registry)
            except ANY_ERROR as error:
                self._fail(trial, error)
            evaluations[trial.id].end()
            if self.job.pictures:
                self._draw(TrainedModel(trial, models[trial.id].eval(), dataset, registry))

    def _train(self, registry: Registry, dataset: Dataset, stop: StopRequest) -> Mapping[str, Model]:
        callbacks = Callbacks(
            report=lambda trial, progress: self.report(trial.id, progress),
            failed=self._fail,
            stopping=stop,
            provenance=self._provenance,
        )
        return train(
            self.job.trials,
            registry,
            dataset,
            self.folder,
            callbacks,
            engine=self.job.engine,
            checkpoint_seconds=self.job.checkpoint_seconds,
            keep_checkpoints=self.job.keep_checkpoints,
            others=self.job.others,
        )

    def _check_unchanged(self, registry: Registry) -> None:
        """Ask that what decides the trials' numbers is what it was when they were named by it."""
        check_unchanged(registry, "datasets", self.job.trials[0].dataset)
        for model in {trial.model.key: trial.model for trial in self.job.trials}.values():
            check_unchanged(registry, "models", model)
        for metric in self.job.metrics:
            check_unchanged(registry, "metrics", metric)

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
            join_alike(list(evaluations.values()), lambda text: self.report(first.id, Note(text)))
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
        records = score_evaluation(
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
        self._write(result)
        for record in records:
            if record.status == "failed":
                _log(f"{trial.title}: {record.metric}: {record.reason}", record.traceback)

    def _draw(self, trained: TrainedModel) -> None:
        """Draw pictures of a model whose result is written: whatever happens here costs no more than them."""
        folder = self.folder.trial(trained.trial.id)
        try:
            pictures = trial_pictures(trained)
        except ANY_ERROR as error:
            _log(f"{trained.trial.title}: no pictures: {in_a_line(error)}", "")
            return
        tensors = {name: torch.from_numpy(pixels.copy()) for name, pixels in pictures.items()}
        save_tensors(folder.pictures_file, tensors, {"trial": trained.trial.id})

    def _fail_all(self, trials: Sequence[Trial], error: BaseException) -> None:
        for trial in trials:
            self._fail(trial, error)

    def _fail(self, trial: Trial, error: BaseException) -> None:
        """Write the result of a trial that ended with an error; scores it had before are kept.

        Where the memory was too small for a fleet that can still be divided, there is no result yet.

        Raises:
            StorageError: the error says that storage is full or out of reach, which is the end of no trial.
        """
        if isinstance(error, StorageError):
            raise error
        if isinstance(error, OSError) and error.errno in FULL:
            raise StorageError(error.errno, error.strerror, error.filename or "a file of the trial") from error
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
        self._write(result)
        _log(f"{trial.title}: {result.outcome}: {result.reason}", result.traceback)

    def _write(self, result: Result) -> None:
        """Write a result, unless another run has taken the trials over while this process was asleep."""
        if any(is_lost(own) for own in self.job.leases):
            raise StorageError(0, "another run has taken the trial over", self.folder.trial(result.trial).path)
        self.folder.trial(result.trial).write_result(result)

    def _provenance(self) -> dict[str, str | int]:
        return {
            **provenance(self.job.placement.device),
            "engine": self.job.engine,
            "fleet": len(by_training(self.job.trials)),
            "data": self.job.trials[0].dataset.data,
        }


def _log(line: str, trace: str) -> None:
    """Write what went wrong into the trial's log, to which messages point."""
    with suppress(OSError):  # The record has it too.
        print(f"{now()} {line}\n{trace}", file=sys.stderr, flush=True)


def outcome_of(error: BaseException) -> Outcome:
    """The outcome that an error is recorded as."""
    if isinstance(error, DivergenceError):
        return Outcome.DIVERGED
    return Outcome.OUT_OF_MEMORY if is_out_of_memory(error) else Outcome.FAILED
