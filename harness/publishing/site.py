"""A results folder as a static site: its page, its tables, a card that says how it was made, and how to cite it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from harness.errors import UserError
from harness.plugins.manager import PluginManager
from harness.publishing.card import Card
from harness.report.page import Which, Written, write_report
from harness.results.folder import ResultsFolder
from harness.results.status import StudyStatus
from harness.storage.atomic import exists, remove, remove_unfinished, write_whole
from harness.storage.records import now
from harness.suite.written import suite_toml
from harness.summary.tables import Tables, make_tables

PICTURES = "index-pictures"
"""Where the page's pictures are, if they are many; see `harness.report.picture_store`."""


def write_site(
    folder: ResultsFolder,
    output: Path,
    manager: PluginManager,
    *,
    authors: Sequence[str] = (),
    which: Which = "auto",
    device: str = "cpu",
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Written:
    """Write a site; each file whole or not at all, so that a second call completes what a killed one began.

    What is left of a site of other results goes; what else lies in the output stays as it is.

    Args:
        folder: the results.
        output: the site's folder, not the results folder itself.
        manager: the plugins that the page and the tables need.
        authors: who is to be cited.
        which: trials that get pictures, as of `harness.report.page.write_report`.
        device: where models compute for them.
        report: called with the trials looked at and their number.

    Raises:
        UserError: there are no results, nothing is done yet, or the output holds results.
        StorageError: a file cannot be written.
    """
    suite = folder.suite
    status = StudyStatus.read(suite, folder)
    if not status.ended:
        raise UserError(f"{folder.path}: no trial has ended; there is nothing to publish")
    if exists(ResultsFolder(output).suite_file):
        raise UserError(f"{output}: it holds results; publish into a folder of its own")
    output.mkdir(parents=True, exist_ok=True)
    for place in (output, output / PICTURES):
        remove_unfinished(place)
    tables = make_tables(folder, status, manager)
    names = [name for name, table in vars(tables).items() if len(table)]
    for name in vars(tables):
        if name in names:
            ResultsFolder(output).write_table(name, getattr(tables, name), status.state)
        else:
            remove(ResultsFolder(output).table(name))
    card = Card(suite.title, authors, names, now())
    _write(output / "suite.toml", suite_toml(suite, manager.registry))
    _write(output / "CITATION.cff", card.citation())
    _write(output / "README.md", card.readme(status, tables.scores, tables.leaderboard))
    return write_report([folder], output / "index.html", manager.registry, which=which, device=device, report=report)


def site_files() -> Iterator[str]:
    """The files of a site, as paths in it."""
    yield from ("README.md", "CITATION.cff", "suite.toml", "index.html", f"{PICTURES}/*.webp")
    yield from (f"{field.name}.parquet" for field in fields(Tables))


def _write(file: Path, text: str) -> None:
    write_whole(file, lambda out: out.write(text.encode(errors="replace")))
