"""`harness figures`: figures of a results folder for a paper."""

from pathlib import Path

import click

from harness.cli.completers import complete_results
from harness.cli.options import data_option, plugin_option
from harness.cli.terminal import echo
from harness.storage.location import location


@click.command()
@click.argument("path", type=location, shell_complete=complete_results)
@click.option(
    "--figure",
    "names",
    multiple=True,
    metavar="NAME",
    help="leaderboard, metrics, ranks, profiles, matrices or traversals (again: more) [default: all there is].",
)
@click.option("--trial", metavar="TRIAL", help="Whose matrices and traversals [default: the best by the metric].")
@click.option("--metric", metavar="NAME", help="Of profiles and the best trial [default: the suite's first].")
@click.option("--output", type=click.Path(path_type=Path), default="figures", show_default=True, help="The folder.")
@click.option(
    "--format", "form", type=click.Choice(["pdf", "svg", "png"]), default="pdf", show_default=True, help="Of the files."
)
@data_option
@plugin_option
def command(
    path: Path,
    names: tuple[str, ...],
    trial: str | None,
    metric: str | None,
    output: Path,
    form: str,
    plugins: tuple[Path, ...],
) -> None:
    """Draw figures of the results in PATH for a paper, as PDF, SVG or PNG, with matplotlib (the extra `figures`).

    Without --figure all are drawn that the results allow, and a line says why another is not.
    """
    from harness.api.results import FIGURES, Results
    from harness.errors import UserError
    from harness.figures.paper import require_matplotlib, save_figure

    require_matplotlib()
    results = Results(path, plugins)
    for name in names or FIGURES:
        try:
            figure = results.figure(name, trial=trial, metric=metric)
        except UserError as error:
            if names:
                raise
            echo(f"note: no {name}: {error}", err=True)
            continue
        save_figure(figure, output / f"{name}.{form}")
        echo(str(output / f"{name}.{form}"))
