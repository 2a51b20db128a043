"""`harness merge`: results folders become one."""

from pathlib import Path

import click

from harness.cli.completers import complete_results
from harness.cli.options import plugin_option
from harness.cli.result_tables import print_leaderboard
from harness.cli.terminal import echo
from harness.results.folder import ResultsFolder
from harness.results.merge import merge
from harness.results.status import StudyStatus
from harness.storage.location import location


@click.command()
@click.argument("results", nargs=-1, required=True, type=location, shell_complete=complete_results)
@click.option(
    "--output", required=True, type=location, metavar="FOLDER", help="Where they go; it may be there already."
)
@plugin_option
def command(results: tuple[Path, ...], output: Path, plugins: tuple[Path, ...]) -> int:
    """Merge RESULTS, folders or URLs, into one: the union of their trials, metrics and selectors.

    The folders stay as they are. A trial that several have is taken once, and the scores that only one of them has with
    it. Where they say different things of one trial that is told, the first folder is right, and the exit code is 1.
    """
    from harness.plugins.manager import PluginManager
    from harness.summary.tables import write_tables

    folder = ResultsFolder(output)
    merged = merge([ResultsFolder(path) for path in results], folder)
    status = StudyStatus.read(merged.suite, folder)
    print_leaderboard(write_tables(folder, status, PluginManager(plugins)).leaderboard, merged.suite.title)
    echo(f"{len(merged.suite.trials)} trials of {len(results)} folders are in {output}.")
    for conflict in merged.conflicts:
        echo(f"conflict: {conflict}", err=True)
    return 1 if merged.conflicts else 0
