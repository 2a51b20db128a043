"""`harness data`: the files of datasets, where they are, whether they are right, and whether they can be had."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from harness.cli.completers import complete_dataset
from harness.cli.console import console
from harness.cli.options import data_option, plugin_option
from harness.cli.terminal import echo
from harness.errors import UserError, nearest

if TYPE_CHECKING:
    from harness.data.files import DataFile

sets_argument = click.argument("sets", nargs=-1, metavar="[SET]...", shell_complete=complete_dataset)


@click.group()
def command() -> None:
    """Look after the files of datasets, all of which lie below one folder."""


@command.command("list")
@data_option
@plugin_option
def list_(plugins: tuple[Path, ...]) -> None:
    """List what there is: published files, decoded copies, and what is stale or half-finished."""
    from harness.cli.show_dataset import in_units
    from harness.data.cache import kept
    from harness.data.files import data_root

    table = _table("set", "what", "size", "state", "file")
    total = 0
    for thing in kept(_sets((), plugins)):
        total += thing.size
        where = str(thing.path.relative_to(data_root()))
        table.add_row(thing.owner, thing.kind, in_units(thing.size), thing.waste, where)
    if table.row_count:
        console().print(table)
    echo(f"{in_units(total)} in {data_root()}")


@command.command()
@sets_argument
@data_option
@plugin_option
def path(sets: tuple[str, ...], plugins: tuple[Path, ...]) -> None:
    """Print the folder of all files, or where each file of a SET is looked for and can be got."""
    from harness.data.files import data_root

    if not sets:
        echo(str(data_root()))
        return
    for name, files in _sets(sets, plugins).items():
        if not files:
            echo(f"{name}: needs no published files")
        for file in files:
            absent = "is not there" if file.addresses else "is not there, and is put there by hand or by unpacking"
            echo(f"{file.place}  {'is there' if file.exists() else absent}; from {file.origin}")
            for url in file.addresses:
                echo(f"    {url}")


@command.command()
@sets_argument
@data_option
@plugin_option
def verify(sets: tuple[str, ...], plugins: tuple[Path, ...]) -> int:
    """Compare the files of each SET, or of all, with their checksums. Exit code 1 if one is wrong."""
    from harness.data.cache import verify as compared

    wrong = 0
    files = {file.place: (name, file) for name, files in _sets(sets, plugins).items() for file in files}
    for place, (name, file) in files.items():
        if not place.exists():
            continue
        problem = compared(file)
        wrong += bool(problem) and problem != "unknown"
        said = {"": "right", "unknown": "no checksum is known"}.get(problem, f"WRONG: {problem}")
        echo(f"{name}: {place}: {said}")
    return 1 if wrong else 0


@command.command()
@click.option("--all", "everything", is_flag=True, help="Also remove decoded copies and digests that are in use.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
@data_option
@plugin_option
def clean(everything: bool, dry_run: bool, plugins: tuple[Path, ...]) -> None:
    """Remove what is stale or half-finished. Published files stay; what is removed is made again where it is needed."""
    from harness.cli.show_dataset import in_units
    from harness.data.cache import kept, remove

    freed = 0
    for thing in kept(_sets((), plugins)):
        again = everything and thing.kind in ("decoded copy", "digests")
        reason = thing.waste or ("can be made again" if again else "")
        if not reason:
            continue
        size = thing.size
        if dry_run or remove(thing):
            freed += size
            echo(f"{'would remove' if dry_run else 'removed'} {thing.path} ({in_units(size)}): {reason}")
        else:
            echo(f"left {thing.path}: a process is at work on it")
    echo(f"{in_units(freed)} {'would be freed' if dry_run else 'freed'}")


@command.command()
@sets_argument
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=20,
    show_default=True,
    help="Seconds that an address may take to answer.",
)
@data_option
@plugin_option
def check(sets: tuple[str, ...], timeout: float, plugins: tuple[Path, ...]) -> int:
    """Ask every address of each SET, or of all, without fetching the files.

    Exit code 1 if a file that can be fetched has no address that answers.
    """
    from harness.cli.show_dataset import in_units
    from harness.data.addresses import ask

    found = _sets(sets, plugins)
    urls = list(dict.fromkeys(url for files in found.values() for file in files for url in file.addresses))
    answers = {answer.url: answer for answer in ask(urls, timeout)}
    lacking = []
    for name, files in found.items():
        for file in files:
            for url in file.addresses:
                answer = answers[url]
                size = "" if answer.size is None else f", {in_units(answer.size)}"
                echo(f"{name}: {url}: {answer.problem or f'answers{size}'}")
        if any(file.addresses and all(answers[url].problem for url in file.addresses) for file in files):
            lacking.append(name)
        if not any(file.addresses for file in files):
            for file in files:
                echo(f"{name}: to be put at {file.place} by a person, from {file.origin}")
    if lacking:
        echo(f"No address gives files of: {', '.join(lacking)}", err=True)
    return 1 if lacking else 0


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, header_style="dim", overflow="fold", justify="right" if heading == "size" else "left")
    return table


def _sets(names: tuple[str, ...], plugins: tuple[Path, ...]) -> "dict[str, list[DataFile]]":
    """The published files of the datasets of these names, or of all."""
    from harness.plugins.manager import PluginManager

    entries = PluginManager(plugins).registry.entries["datasets"]
    for name in names:
        if name not in entries:
            raise UserError(f"there is no dataset '{name}'; {nearest(name, entries)}")
    return {name: list(entries[name].load().published_files()) for name in names or entries}
