"""What the page says of settings against each other: comparisons with a baseline, and ranks over all metrics."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.errors import UserError
from harness.results.folder import ResultsFolder
from harness.summary.aggregate import mean_ranks
from harness.summary.comparison import with_settings
from harness.summary.rounding import short

Plain = dict[str, Any]

COMPARED = (
    "difference", "low", "high", "bootstrap_low", "bootstrap_high", "improvement", "effect", "p", "p_holm",
)  # fmt: skip
"""Columns of real numbers that the page has."""


def comparison_rows(
    folder: ResultsFolder, state: str, study: int, metrics: Mapping[tuple[str, str], int]
) -> list[Plain]:
    """The rows of comparisons.parquet; none where `harness compare` was not asked since the last result.

    Args:
        folder: the study's.
        state: of its results, see `ResultsFolder.state`.
        study: its position on the page.
        metrics: positions of metrics by name and settings.
    """
    table = folder.current_table("comparisons", state)
    rows = [] if table is None else table.to_dict("records")
    return [
        {
            "study": study,
            "metric": metrics[row["metric"], row["metric_settings"]],
            **{name: row[name] for name in ("dataset", "setting", "baseline", "sentence", "paired", "n", "n_second")},
            **{name: short(row[name]) for name in COMPARED},
            "dropped": len(json.loads(row["dropped"])),
        }
        for row in rows
        if row["status"] == "ok"
    ]


def rankings(studies: Sequence[tuple[str, pd.DataFrame]]) -> list[Plain]:
    """Mean ranks over all metrics and datasets of the page; of each study alone where no setting is in all.

    Args:
        studies: the title and the scores of each.

    Returns:
        For each ranking what it is of, its tasks, p and critical difference, its settings from the best on, as (name,
        model, mean rank, scores that failed), and the runs of ranks that cannot be told apart. One of fewer than two
        settings or tasks is left out.
    """
    scored = [(title, scores) for title, scores in studies if len(scores)]
    if len(scored) > 1:
        try:
            return _ranking("", pd.concat([scores for _, scores in scored], ignore_index=True))
        except UserError:  # Studies of other settings: there is nothing to rank together.
            return [each for title, scores in scored for each in rankings([(title, scores)])]
    try:
        return [each for title, scores in scored for each in _ranking(title, scores)]
    except UserError:
        return []


def _ranking(title: str, scores: pd.DataFrame) -> list[Plain]:
    found = mean_ranks(scores)
    if len(found.mean) < 2 or found.tasks < 2:
        return []
    named = with_settings(scores)
    models = dict(zip(named["setting"], named["model"], strict=True))
    return [
        {
            "title": title,
            "tasks": found.tasks,
            "p": short(found.p),
            "critical": short(found.critical_difference),
            "settings": [
                [name, models[name], short(rank), int(found.failed[str(name)])] for name, rank in found.mean.items()
            ],
            "alike": [[short(first), short(last)] for first, last in found.alike],
        }
    ]
