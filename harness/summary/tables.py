"""All tables of a results folder, made from its records or read as they were written."""

import json
from dataclasses import dataclass, fields

import pandas as pd

from harness.errors import UserError
from harness.plugins.manager import PluginManager
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table
from harness.results.schema import SCORES
from harness.results.status import StudyStatus
from harness.selection.record import read_comparison
from harness.selection.tables import selection_tables
from harness.summary.labels import distinct_labels
from harness.summary.leaderboard import leaderboard, score_table

LARGEST_SCORE = 1e100
"""Beyond this the squares that intervals and tests are made of are no numbers."""


@dataclass(frozen=True)
class Tables:
    """The tables made from a results folder; see `harness.results.schema` for their columns."""

    scores: pd.DataFrame
    leaderboard: pd.DataFrame
    selections: pd.DataFrame
    selector_scores: pd.DataFrame
    selector_differences: pd.DataFrame


def failures(folder: ResultsFolder, status: StudyStatus, selections: pd.DataFrame) -> list[str]:
    """Everything in a results folder that went wrong, a line each: trials, their metrics, selectors.

    `selections` is the table of them.
    """
    suite = status.suite
    lines = list(status.failures)
    labels = distinct_labels([(choice.name, json.dumps(dict(choice.config))) for choice in suite.selectors])
    for label, choice in zip(labels, suite.selectors, strict=True):
        record = read_comparison(folder, choice, status.candidates, suite.evaluation_seed)
        if record and record.failed:
            lines.append(f"{label}: {record.failed}")
    failed = selections[selections["status"] == "failed"]
    rows = zip(failed["selector"], failed["pool"], failed["reason"], strict=True)
    return [*lines, *dict.fromkeys(f"{selector} on the pool '{pool}': {reason}" for selector, pool, reason in rows)]


def read_scores(folder: ResultsFolder) -> pd.DataFrame:
    """The scores of a results folder, or of published tables: a folder that holds `scores.parquet` and no trials.

    Raises:
        UserError: it is neither, or a score is missing, infinite or too large to compute with.
    """
    try:
        suite = folder.suite
    except UserError:
        try:
            scores = _without_gaps(read_table(folder.table("scores")))
        except FileNotFoundError:
            scores = None
        if scores is None:
            raise
    else:
        scores = score_table(StudyStatus.read(suite, folder))
    own = scores.loc[scores["status"] == "ok", "score"].astype(float)
    # A comparison with NaN is false, so that a missing score is found here, too.
    wrong = own[~(own.abs() <= LARGEST_SCORE)]
    if len(wrong):
        metric = scores.loc[wrong.index[0], "metric"]
        raise UserError(f"{folder.table('scores')}: a score of {wrong.iloc[0]} by '{metric}' cannot be compared")
    return scores


def _without_gaps(scores: pd.DataFrame) -> pd.DataFrame:
    """Published scores whose missing texts, which only another's program leaves out, are empty ones."""
    texts = [column.name for column in SCORES if column.type == "string" and column.name in scores]
    return scores.fillna(dict.fromkeys(texts, ""))


def make_tables(folder: ResultsFolder, status: StudyStatus, manager: PluginManager) -> Tables:
    """Every table, made anew from the results of its trials and the comparisons of its selectors."""
    scores = score_table(status)
    selected = selection_tables(folder, status.suite, status.candidates, scores, manager.registry)
    return Tables(scores, leaderboard(scores, status.suite), *selected)


def write_tables(folder: ResultsFolder, status: StudyStatus, manager: PluginManager) -> Tables:
    """Make every table and write it as Parquet."""
    tables = make_tables(folder, status, manager)
    for name, table in vars(tables).items():
        folder.write_table(name, table, status.state)
    return tables


def read_tables(folder: ResultsFolder, status: StudyStatus) -> Tables | None:
    """Every table as it was written; None if they were made from other results, or for another suite."""
    found = {field.name: folder.current_table(field.name, status.state) for field in fields(Tables)}
    tables = {name: table for name, table in found.items() if table is not None}
    return Tables(**tables) if len(tables) == len(found) else None
