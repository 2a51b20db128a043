"""All tables of a results folder, made from its records or read as they were written."""

from dataclasses import dataclass, fields

import pandas as pd

from harness.errors import UserError
from harness.plugins.manager import PluginManager
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table
from harness.results.status import Standing, finished_trials, standing
from harness.selection.tables import read_comparison, selection_tables
from harness.suite.suite import Suite
from harness.summary.leaderboard import leaderboard, score_table


@dataclass(frozen=True)
class Tables:
    """The tables made from a results folder; see `harness.results.schema` for their columns."""

    scores: pd.DataFrame
    leaderboard: pd.DataFrame
    selections: pd.DataFrame
    selector_scores: pd.DataFrame


def failures(suite: Suite, folder: ResultsFolder, found: Standing | None = None) -> list[str]:
    """Everything in a results folder that went wrong, a line each; `found` is how it stands, if that is known."""
    found = found or standing(suite, folder)
    lines = list(found.failures)
    for choice in suite.selectors:
        record = read_comparison(folder, choice, found.finished, suite.evaluation_seed)
        if record and record["failed"]:
            lines.append(f"{choice.name}: {record['failed']}")
    return lines


def read_scores(folder: ResultsFolder) -> pd.DataFrame:
    """The scores of a results folder, or of published tables: a folder that holds `scores.parquet` and no trials.

    Raises:
        UserError: it is neither.
    """
    try:
        suite = folder.suite
    except UserError:
        try:
            return read_table(folder.table("scores"))
        except FileNotFoundError:
            pass
        raise
    return score_table(folder, suite)


def make_tables(folder: ResultsFolder, suite: Suite, manager: PluginManager) -> Tables:
    """Every table, made anew from the trials' own files."""
    scores = score_table(folder, suite)
    finished = finished_trials(suite, folder) if suite.selectors else []
    selections, selector_scores = selection_tables(folder, suite, finished, scores, manager.registry)
    return Tables(scores, leaderboard(scores, suite), selections, selector_scores)


def write_tables(folder: ResultsFolder, suite: Suite, manager: PluginManager) -> Tables:
    """Make every table and write it as Parquet."""
    state = folder.state  # Of before: what is written from now on makes the tables old.
    tables = make_tables(folder, suite, manager)
    for name, table in vars(tables).items():
        folder.write_table(name, table, state)
    return tables


def read_tables(folder: ResultsFolder) -> Tables | None:
    """Every table as it was written; None if they are not current."""
    state = folder.state
    found = {field.name: folder.current_table(field.name, state) for field in fields(Tables)}
    tables = {name: table for name, table in found.items() if table is not None}
    return Tables(**tables) if len(tables) == len(found) else None
