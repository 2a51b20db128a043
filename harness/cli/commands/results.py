"""`harness results`: what a results folder holds, how large it is, and what need not be kept."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.table import Table

from harness.cli.completers import complete_results
from harness.cli.console import console
from harness.cli.show_dataset import in_units
from harness.cli.terminal import echo
from harness.errors import UserError
from harness.results.folder import ResultsFolder
from harness.results.housekeeping import prune as pruned
from harness.results.housekeeping import relabel as renamed
from harness.results.housekeeping import sizes_by_kind, stored_trials
from harness.storage.location import location

if TYPE_CHECKING:
    from harness.results.housekeeping import Waste

folder_argument = click.argument("path", metavar="RESULTS", type=location, shell_complete=complete_results)


@click.group()
def command() -> None:
    """Look after a results folder."""


@command.command("list")
@folder_argument
def list_(path: Path) -> None:
    """List every trial in RESULTS, a folder or its URL: how it ended, its size, and whether it is of the suite."""
    table = _table("trial", "state", "size", "", "title")
    for trial in stored_trials(ResultsFolder(path)):
        note = "" if trial.own or not trial.title else "another suite"
        table.add_row(trial.folder.path.name, trial.state, in_units(trial.size), note, trial.title)
    console().print(table)


@command.command()
@folder_argument
def size(path: Path) -> None:
    """Tell how much room the files of RESULTS take, by what they are."""
    folder = ResultsFolder(path)
    folder.suite  # noqa: B018 - says so if this is no results folder
    table = _table("what", "files", "size")
    found = sizes_by_kind(folder)
    for kind, (count, total) in found.items():
        table.add_row(kind, f"{count:,}", in_units(total))
    table.add_row("all", f"{sum(count for count, _ in found.values()):,}", in_units(sum(t for _, t in found.values())))
    console().print(table)


@command.command()
@folder_argument
@click.option("--failed", is_flag=True, help="Trials that ended badly.")
@click.option("--unfinished", is_flag=True, help="Trials that have not ended, with their checkpoints.")
@click.option("--others", is_flag=True, help="Trials of other settings, or of another suite than the one run last.")
@click.option("--orphans", is_flag=True, help="What is no trial, and damaged or half-written files.")
@click.option("--checkpoints", is_flag=True, help="Checkpoints of trials that have ended.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
def prune(path: Path, dry_run: bool, **waste: bool) -> None:
    """Remove from RESULTS what is asked for, but nothing that a run works on."""
    asked = [cast("Waste", name) for name, wanted in waste.items() if wanted]
    if not asked:
        raise UserError(f"say what to remove: {', '.join(f'--{name}' for name in waste)}")
    freed = 0
    for thing in pruned(ResultsFolder(path), asked, dry_run=dry_run):
        if thing.kept:
            echo(f"left {thing.path}: {thing.kept} works on it")
            continue
        freed += thing.size
        echo(f"{'would remove' if dry_run else 'removed'} {thing.path} ({in_units(thing.size)}): {thing.reason}")
    echo(f"{in_units(freed)} {'would be freed' if dry_run else 'freed'}")


@command.command()
@folder_argument
@click.argument("old")
@click.argument("new")
def relabel(path: Path, old: str, new: str) -> None:
    """Call the trials with the label OLD in RESULTS by the label NEW, without training anything again."""
    count = renamed(ResultsFolder(path), old, new)
    echo(f"{count} trials are called '{new}' now; write label = \"{new}\" in the suite's file, too")


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, header_style="dim", justify="right" if heading in ("size", "files") else "left")
    return table
