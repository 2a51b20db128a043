"""The card of an exported pool: its format, its models and how they were made; a model card on the Hugging Face Hub."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version

import pandas as pd

from harness.publishing.card import leaderboard_lines, plain, provenance_lines, study_lines
from harness.registry import DISTRIBUTION
from harness.results.status import StudyStatus
from harness.suite.trial import Trial
from harness.summary.leaderboard import leaderboard
from harness.summary.versions import version_notes

FORMAT = """\
- `models.csv`: a row for each of the {models} models. `id` names its files; `title` tells it to people; `label` and
  `model` are what the study calls it and what it is; `hyperparameters` and `training` are JSON; `seed`, `steps`;
  `chosen_by` and `labels_seen` say what chose it to be trained, where a search did, and what of labels that has
  seen. Every column `score:METRIC` is a score by the ground truth, empty where there is none; `pool.json` says
  whether more is better.
- `images.npz`: `index` (N,), int64, the numbers of the images in the dataset, the same ones for every model. Where
  the dataset has ground-truth factors: `factors` (N, F), int64, the level of each factor, from 0; `values` (N, F),
  float64, the real values of the levels; `names` (F,), text; `sizes` (F,), int64, levels of each factor;
  `categorical` (F,), bool, whether its levels have no order.
- `codes/ID.npz`: `codes` (N, D), float32, the model's representation of these images; for a model with a posterior
  also `kl` (D,), float64, its divergence from the prior in nats, averaged over the images. Models that do not
  encode have none.
{weights}- `pool.json`: the dataset with its settings, the metrics with theirs, and the versions of packages.
- `suite.toml`: every trial with every setting written out; `harness run suite.toml` trains the same models again.

A selector of your own reads `codes/*.npz` and scores each id; compared with a column `score:METRIC` of
`models.csv`, that is its rank correlation and its regret.
"""

WEIGHTS = {
    "safetensors": "- `weights/ID.safetensors`: every parameter and buffer of the model, by its name in PyTorch; "
    "`safetensors.torch.load_file`\n  reads it, and `safetensors.numpy.load_file` does without PyTorch.\n",
    "npz": "- `weights/ID.npz`: every parameter and buffer of the model, by its name in PyTorch.\n",
    "none": "",
}


def pool_readme(status: StudyStatus, scores: pd.DataFrame, trials: Sequence[Trial], weights: str) -> str:
    """README.md: text in Markdown, with what the Hugging Face Hub reads of a model at its head.

    Args:
        status: of the whole study.
        scores: `scores.parquet`.
        trials: those whose models are in the pool.
        weights: the format of their parameters, a key of `WEIGHTS`.
    """
    own = {trial.id for trial in trials}
    return "\n".join(
        [
            *_head(status.suite.title),
            f"# {plain(status.suite.title)}: trained models",
            "",
            *study_lines(status),
            "",
            "NumPy and pandas read codes, factors and scores; no file holds code.",
            "",
            FORMAT.format(models=len(trials), weights=WEIGHTS[weights]),
            "## Scores",
            "",
            *leaderboard_lines(leaderboard(scores, replace(status.suite, trials=tuple(trials)))),
            "",
            "## How they were made",
            "",
            f"Exported by `harness export`, {version(DISTRIBUTION)}.",
            "",
            "| models | by |",
            "| --- | --- |",
            *provenance_lines([result for trial, result in status.ended if trial.id in own]),
            *[f"\nNote: {plain(note)}." for note in version_notes(scores)],
            "",
        ]
    )


def _head(title: str) -> Iterator[str]:
    yield from ("---", f"model_name: {json.dumps(title)}", f"library_name: {DISTRIBUTION}")
    yield from ("tags:", "- disentanglement", "- representation-learning", "---")
