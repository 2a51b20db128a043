"""`harness leaderboard`: the summary of a results folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completers import complete_results
from harness.cli.options import format_option, plugin_option
from harness.cli.result_tables import leaderboard_text, print_leaderboard
from harness.cli.table_formats import print_as
from harness.cli.terminal import echo
from harness.results.earlier import others_note, with_earlier_trials
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table
from harness.results.status import StudyStatus
from harness.storage.atomic import exists
from harness.storage.location import location
from harness.summary.leaderboard import leaderboard, score_table
from harness.summary.versions import version_notes

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("path", type=location, shell_complete=complete_results)
@format_option("table", "csv", "markdown", "latex", "json")
@click.option("--rebuild", is_flag=True, help="Make every table anew from the trials' own files, and write it.")
@click.option("--all", "everything", is_flag=True, help="Show what was run into the folder before, too.")
@plugin_option
def command(path: Path, form: str, rebuild: bool, everything: bool, plugins: tuple[Path, ...]) -> None:
    """Print the leaderboard of the results in PATH, a folder or its URL.

    The table that is stored there is printed if it is current; otherwise it is made anew from the trials, which
    --rebuild does in any case and for all tables.

    csv and json have one row per setting and metric with every column, 95 % intervals among them;
    table, markdown and latex have one row per setting. With --all they also have those that were run into the folder
    before, such as by another --set, scored by the metrics of the suite that was run last.
    """
    folder = ResultsFolder(path)
    if not rebuild and folder.is_published("leaderboard"):
        board = read_table(folder.table("leaderboard"))  # Published, without its trials.
        _print(board, str(board["suite"].iloc[0]) if len(board) else folder.path.name, form)
        if exists(folder.table("scores")):
            _warn(read_table(folder.table("scores")))
        return
    suite = folder.suite
    if everything:
        suite = with_earlier_trials(folder, suite)
    if rebuild:
        from harness.plugins.manager import PluginManager
        from harness.summary.tables import write_tables

        write_tables(folder, StudyStatus.read(folder.suite, folder), PluginManager(plugins))
    state = folder.state(suite)
    stored, scores = folder.current_table("leaderboard", state), folder.current_table("scores", state)
    if stored is None or scores is None:
        scores = score_table(StudyStatus.read(suite, folder))
        stored = leaderboard(scores, suite)
    _print(stored, suite.title, form)
    _warn(scores)
    if not everything and (others := folder.others(suite)):
        echo(f"note: {others_note(folder, len(others))}", err=True)


def _print(board: "pd.DataFrame", title: str, form: str) -> None:
    if form == "table":
        print_leaderboard(board, title)
    elif form in ("markdown", "latex"):
        echo(leaderboard_text(board, form).rstrip("\n"))
    else:
        print_as(form, board)


def _warn(scores: "pd.DataFrame") -> None:
    for note in version_notes(scores):
        echo(f"warning: {note}", err=True)
