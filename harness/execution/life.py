"""The life of one trial in its worker process: train, score, record."""

import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import torch

from harness.config import parse
from harness.dataset import Dataset
from harness.errors import DivergenceError, in_a_line
from harness.execution.job import TrialJob
from harness.model_evaluation import ModelEvaluation
from harness.plugins import PluginManager, Registry
from harness.provenance import now, provenance
from harness.scoring import score, score_key
from harness.store import ResultsFolder, TrialFolder, locked
from harness.training.trainer import Interrupted, train, training_seconds
from harness.trial import Choice, Outcome, Progress, Result

if TYPE_CHECKING:
    from harness.execution.worker import StopRequest


def live(job: TrialJob, report: Callable[[Progress], None], stop: "StopRequest") -> None:
    """Do what is left of a trial and write its result; a stop leaves a checkpoint and no result."""
    folder = ResultsFolder(Path(job.folder)).trial(job.trial.id)
    with locked(folder.lock):
        _remove_leftovers(folder)
        folder.write_trial(job.trial)
        started = monotonic()
        earlier = folder.result
        try:
            result = _train_and_score(job, folder, report, stop)
        except Interrupted:
            return
        except Exception as error:  # Any end of a trial is a recorded outcome.
            result = Result(
                job.trial.id,
                outcome_of(error),
                reason=_reason(error),
                traceback=traceback.format_exc(),
                seconds=monotonic() - started,
                finished_at=now(),
                scores=earlier.scores if earlier else (),
                provenance=provenance(job.placement.device),
            )
        folder.write_result(result)


def _train_and_score(
    job: TrialJob, folder: TrialFolder, report: Callable[[Progress], None], stop: "StopRequest"
) -> Result:
    registry = PluginManager([Path(file) for file in job.plugins], job.blocked).registry
    dataset = load_dataset(job.trial.dataset, registry, job.placement.device)
    stop.polite = True
    model = train(
        job.trial,
        registry,
        dataset,
        folder,
        report=report,
        stopping=stop,
        checkpoint_seconds=job.checkpoint_seconds,
    )
    stop.polite = False
    if stop():
        raise Interrupted
    earlier = folder.result
    kept = [record for record in earlier.scores if record["status"] != "failed"] if earlier else []
    have = {record["key"] for record in kept}
    missing = [metric for metric in job.metrics if score_key(metric, job.evaluation_seed) not in have]
    steps = job.trial.training["steps"]
    evaluation = ModelEvaluation(model, dataset, held_out=job.trial.held_out, seed=job.evaluation_seed)
    records = score(evaluation, missing, registry, lambda metric: report(Progress(steps, steps, stage=metric)))
    return Result(
        job.trial.id,
        Outcome.FINISHED,
        seconds=training_seconds(folder),
        finished_at=now(),
        scores=(*kept, *(asdict(record) for record in records)),
        provenance=provenance(job.placement.device),
    )


def load_dataset(choice: Choice, registry: Registry, device: str) -> Dataset:
    """The dataset of a choice, loaded on a device.

    Raises:
        UserError: its files are missing or broken.
    """
    dataset_class = registry.find("datasets", choice.name).load()
    dataset: Dataset = dataset_class(parse(dataset_class.Config, choice.config, "dataset"))
    dataset.load(device)
    return dataset


def outcome_of(error: Exception) -> Outcome:
    """Which kind of end an error is."""
    if isinstance(error, DivergenceError):
        return Outcome.DIVERGED
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    return Outcome.OUT_OF_MEMORY if out_of_memory else Outcome.FAILED


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, DivergenceError) else in_a_line(error)


def _remove_leftovers(folder: TrialFolder) -> None:
    """Files that a killed process was still writing aside."""
    for file in folder.path.glob(".*"):
        file.unlink()
