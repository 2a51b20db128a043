"""`harness leaderboard`: the summary of a results folder."""

from pathlib import Path

import click

from harness.cli import format_option
from harness.cli.completers import complete_results
from harness.cli.console import console
from harness.cli.locations import LOCATION
from harness.cli.render import BOARD_CAPTION, as_json, markdown, rich_table, wide_leaderboard
from harness.leaderboard import leaderboard, score_table
from harness.store import ResultsFolder


@click.command()
@click.argument("path", type=LOCATION, shell_complete=complete_results)
@format_option("table", "csv", "markdown", "json")
def command(path: Path, form: str) -> None:
    """Print the leaderboard of the results in PATH, made anew from its trials.

    csv and json have one row per setting and metric with every column, 95 % intervals among them;
    table and markdown have one row per setting.
    """
    folder = ResultsFolder(path)
    suite = folder.suite
    board = leaderboard(score_table(folder, suite), suite)
    if form == "table":
        console().print(rich_table(wide_leaderboard(board), suite.title, BOARD_CAPTION))
    elif form == "markdown":
        click.echo(markdown(wide_leaderboard(board)))
    else:
        click.echo(as_json(board) if form == "json" else board.to_csv(index=False), nl=form == "json")
