"""`harness publish`: a results folder as a static site, and on the Hugging Face Hub."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completers import complete_results
from harness.cli.options import data_option, plugin_option
from harness.cli.terminal import echo
from harness.storage.location import location

if TYPE_CHECKING:
    from harness.report.page import Which


@click.command()
@click.argument("results", type=location, shell_complete=complete_results)
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default="site", show_default=True, help="The folder."
)
@click.option("--author", "authors", multiple=True, metavar="NAME", help="Whom to cite (may be given again).")
@click.option(
    "--pictures",
    type=click.Choice(["auto", "none", "few", "all"]),
    default="auto",
    show_default=True,
    help="Trials that get pictures, as of `harness report`.",
)
@click.option("--hub", metavar="USER/NAME", help="Upload the site as a dataset repository of the Hugging Face Hub.")
@click.option("--private", is_flag=True, help="With --hub: a repository that is made is its owner's alone.")
@data_option
@plugin_option
def command(
    results: Path,
    output: Path,
    authors: tuple[str, ...],
    pictures: "Which",
    hub: str | None,
    private: bool,
    plugins: tuple[Path, ...],
) -> None:
    """Write RESULTS as a static site: the page, the tables, the suite, a card that says how it was made, CITATION.cff.

    Any web server can serve the folder, and `harness leaderboard` reads it as it reads results.
    """
    from harness.plugins.manager import PluginManager
    from harness.publishing.hub import check_repository, upload
    from harness.publishing.site import site_files, write_site
    from harness.results.folder import ResultsFolder

    def tell(done: int, total: int) -> None:
        if done < total and sys.stderr.isatty():
            echo(f"drawing trial {done + 1} of {total}", err=True)

    if hub is not None:
        check_repository(hub)
    written = write_site(
        ResultsFolder(results), output, PluginManager(plugins), authors=authors, which=pictures, report=tell
    )
    for reason, count in written.without.items():
        echo(f"note: no pictures of {count} trial{'s' if count > 1 else ''}: {reason}", err=True)
    if not authors:
        echo("note: CITATION.cff names no author; --author does", err=True)
    echo(f"{output}: the site, {written.size / 1e6:.1f} MB of page")
    if hub is not None:
        echo(upload(output, hub, list(site_files()), kind="dataset", private=private))
