"""A pool of trained models as plain files: codes, weights and ground truth, to be read without this package."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import Tensor

from harness.dataset import Dataset, GroundTruthDataset
from harness.errors import DamagedFileError, DivergenceError, UserError
from harness.factors import FactorGrid, Indices
from harness.pictures.trained_model import load_trained
from harness.publishing.pool_card import pool_readme
from harness.registry import DISTRIBUTION, Registry
from harness.results.folder import ResultsFolder
from harness.results.status import StudyStatus
from harness.scoring.model_evaluation import ModelEvaluation
from harness.seeds import numpy_rng
from harness.storage.atomic import exists, remove_others, remove_unfinished, write_whole
from harness.suite.build import load_dataset
from harness.suite.trial import Trial
from harness.suite.written import suite_toml
from harness.summary.labels import distinct_labels
from harness.summary.leaderboard import METRIC, score_table

Weights = Literal["safetensors", "npz", "none"]
"""The format of the models' parameters; "none" leaves them out."""


@dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes:
        models: how many models.
        images: how many images the codes are of.
        without: models without codes, and why, a line each.
        files: what was written, paths in the folder.
    """

    models: int
    images: int
    without: Sequence[str]
    files: Sequence[str]


def export_pool(
    folder: ResultsFolder,
    output: Path,
    registry: Registry,
    *,
    images: int,
    weights: Weights = "safetensors",
    device: str = "cpu",
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Write the finished models of a results folder as plain files; what each holds stands in the README there.

    Models that an earlier export has left in the folder, and that this one does not have, go.

    Args:
        folder: the results.
        output: the folder to write into.
        registry: where models and the dataset are found.
        images: how many images the codes are of, at most; which ones follows from the evaluation's seed.
        weights: the format of the models' parameters.
        device: where models compute.
        report: called with the models written and their number.

    Raises:
        UserError: nothing is finished, the output holds results, the trials are of several datasets, or a model or
            the dataset cannot be made again.
        StorageError: a file cannot be read or written.
    """
    suite = folder.suite
    status = StudyStatus.read(suite, folder)
    trials = [trial for trial in status.finished if exists(folder.trial(trial.id).model)]
    if not trials:
        raise UserError(f"{folder.path}: no trial is finished; there is no model to export")
    if exists(ResultsFolder(output).suite_file):
        raise UserError(f"{output}: it holds results; export into a folder of its own")
    if len({trial.dataset.key for trial in trials}) > 1:
        raise UserError(f"{folder.path}: its trials are of several datasets; a pool is of one")
    dataset = load_dataset(registry, trials[0].dataset, device)
    for place in (output, output / "codes", output / "weights"):
        remove_unfinished(place)
    index = _chosen(dataset, images, suite.evaluation_seed)
    files = _Files(output)
    files.write("images.npz", _npz({"index": index, **_truth(dataset, index)}))
    without = []
    for done, trial in enumerate(trials):
        report(done, len(trials))
        try:
            trained = load_trained(folder, trial, registry, dataset)
        except DamagedFileError as error:
            without.append(f"{trial.title}: {error}")
            continue
        if weights != "none":
            files.write(f"weights/{trial.id}.{weights}", FORMATS[weights](trained.model.state_dict()))
        evaluation = ModelEvaluation(trained.model, dataset, seed=suite.evaluation_seed, registry=registry)
        if reason := evaluation.lacks(("encode",)):
            without.append(f"{trial.title}: {reason}")
            continue
        try:
            files.write(f"codes/{trial.id}.npz", _npz(_codes(evaluation, index)))
        except DivergenceError as error:
            without.append(f"{trial.title}: {error}")
    report(len(trials), len(trials))
    for part in ("codes", "weights"):
        written = {Path(file).name for file in files.written if file.startswith(f"{part}/")}
        remove_others(output / part, "[0-9a-f]" * 12 + ".*", written)
    scores = score_table(status)
    files.write("models.csv", _models(trials, scores).to_csv(index=False))
    files.write("pool.json", json.dumps(_facts(status, trials, scores), indent=1))
    files.write("suite.toml", suite_toml(suite, registry))
    files.write("README.md", pool_readme(status, scores, trials, weights))
    return Exported(len(trials), len(index), without, files.written)


class _Files:
    """Writes files into a folder, each whole or not at all, and remembers which."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: list[str] = []

    def write(self, name: str, content: bytes | str) -> None:
        data = content.encode(errors="replace") if isinstance(content, str) else content
        write_whole(self.folder / name, lambda out: out.write(data))
        self.written.append(name)


def _chosen(dataset: Dataset, count: int, seed: int) -> Indices:
    """The numbers of the images, ascending: all, or as many as are asked for."""
    if count >= len(dataset):
        return np.arange(len(dataset), dtype=np.int64)
    return np.sort(numpy_rng(seed, "export", count).choice(len(dataset), count, replace=False)).astype(np.int64)


def _truth(dataset: Dataset, index: Indices) -> dict[str, Any]:
    if not isinstance(dataset, GroundTruthDataset):
        return {}
    factors: FactorGrid = dataset.factors
    return {
        "factors": factors.ids(index),
        "values": factors.real_values(index),
        "names": np.array(list(factors.names)),
        "sizes": np.array(factors.sizes, dtype=np.int64),
        "categorical": np.array(factors.categorical, dtype=bool),
    }


def _codes(evaluation: ModelEvaluation, index: Indices) -> dict[str, Any]:
    found: dict[str, Any] = {"codes": evaluation.codes(index).astype(np.float32)}
    if not evaluation.lacks(("kl",)):
        found["kl"] = np.asarray(evaluation.kl(index), dtype=np.float64)
    return found


def _models(trials: Sequence[Trial], scores: pd.DataFrame) -> pd.DataFrame:
    rows = []
    by_trial = scores[scores["status"] == "ok"]
    columns = list(_score_columns(scores))
    for trial in trials:
        own = by_trial[by_trial["trial"] == trial.id]
        found = {(row["metric"], row["metric_settings"]): row["score"] for row in own.to_dict("records")}
        rows.append(
            {
                "id": trial.id,
                "title": trial.title,
                "label": trial.label,
                "model": trial.model.name,
                "hyperparameters": json.dumps(dict(trial.model.config)),
                "training": json.dumps(trial.training.values()),
                "seed": trial.seed,
                "steps": trial.training.steps,
                "chosen_by": trial.chosen_by,
                "labels_seen": trial.labels_seen,
                **{column: found.get(metric) for column, metric in columns},
            }
        )
    return pd.DataFrame(rows)


def _score_columns(scores: pd.DataFrame) -> Iterator[tuple[str, tuple[str, str]]]:
    """The columns of scores, each with its metric's name and settings."""
    metrics = list(scores[METRIC].drop_duplicates().itertuples(index=False, name=None))
    for label, metric in zip(distinct_labels(metrics), metrics, strict=True):
        yield f"score:{label}", metric


def _facts(status: StudyStatus, trials: Sequence[Trial], scores: pd.DataFrame) -> dict[str, Any]:
    higher = scores.dropna(subset=["higher_is_better"]).groupby(METRIC)["higher_is_better"].first().to_dict()
    dataset = trials[0].dataset
    return {
        "format": 1,
        "study": status.suite.title,
        "dataset": {"name": dataset.name, "settings": dict(dataset.config), "data": dataset.data},
        "scores": {
            column: {"metric": name, "settings": json.loads(settings), "higher_is_better": bool(higher[name, settings])}
            for column, (name, settings) in _score_columns(scores)
            if (name, settings) in higher
        },
        "versions": {DISTRIBUTION: version(DISTRIBUTION), "numpy": version("numpy"), "torch": version("torch")},
    }


def _npz(arrays: Mapping[str, Any]) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def _safetensors(state: Mapping[str, Tensor]) -> bytes:
    # Cloned, because safetensors refuses tensors that share memory, as tied weights do.
    plain = {name: tensor.cpu().clone(memory_format=torch.contiguous_format) for name, tensor in state.items()}
    return safetensors.torch.save(plain, {"format": "pt"})


FORMATS: Mapping[str, Callable[[Mapping[str, Tensor]], bytes]] = {
    "safetensors": _safetensors,
    "npz": lambda state: _npz({name: tensor.cpu().numpy() for name, tensor in state.items()}),
}
"""Parameters and buffers as the content of a file."""
