"""`harness report`: results as one HTML page."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completers import complete_results
from harness.cli.options import data_option, plugin_option, require_gpu_if
from harness.cli.terminal import echo
from harness.results.earlier import others_note
from harness.storage.location import location

if TYPE_CHECKING:
    from harness.report.page import Which


@click.command()
@click.argument("results", type=location, nargs=-1, required=True, shell_complete=complete_results)
@click.option("--output", type=click.Path(path_type=Path), default="report.html", show_default=True, help="The page.")
@click.option(
    "--pictures",
    type=click.Choice(["auto", "none", "few", "all"]),
    default="auto",
    show_default=True,
    help="Trials that get pictures. few: the best one of each setting; auto: all, or few if there are more than 60.",
)
@click.option("--device", type=click.Choice(["cpu", "cuda", "mps"]), default="cpu", show_default=True)
@data_option
@click.option(
    "--any-path", is_flag=True, help="Show images that a suite takes from outside the folder of dataset files."
)
@plugin_option
def command(
    results: tuple[Path, ...],
    output: Path,
    pictures: "Which",
    device: str,
    any_path: bool,
    plugins: tuple[Path, ...],
) -> None:
    """Write the RESULTS folders as one HTML page that needs no network: tables, charts, and a page for each trial.

    Pictures of more than 12 MB go into a folder beside the page.
    """
    from harness.plugins.manager import PluginManager
    from harness.report.page import write_report
    from harness.results.folder import ResultsFolder

    require_gpu_if(device)

    def tell(done: int, total: int) -> None:
        if done < total and sys.stderr.isatty():
            echo(f"drawing trial {done + 1} of {total}", err=True)

    folders = [ResultsFolder(path) for path in results]
    registry = PluginManager(plugins).registry
    written = write_report(folders, output, registry, which=pictures, device=device, any_path=any_path, report=tell)
    for folder in folders:
        if others := folder.others(folder.suite):
            echo(f"note: {others_note(folder, len(others))}", err=True)
    for reason, count in written.without.items():
        echo(f"note: no pictures of {count} trial{'s' if count > 1 else ''}: {reason}", err=True)
    if written.chosen:
        echo(f"pictures of {written.drawn} of {written.chosen} trials", err=True)
    echo(f"{output} ({written.size / 1e6:.1f} MB)")
