"""`harness reproduce`: a trial again, beside what is recorded of it."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from harness.cli.completers import complete_trial
from harness.cli.console import console
from harness.cli.options import data_option, plugin_option
from harness.cli.terminal import echo
from harness.storage.location import location

if TYPE_CHECKING:
    from harness.execution.reproduction import Reproduction


@click.command()
@click.argument("trial", nargs=-1, required=True, shell_complete=complete_trial)
@click.option("--output", type=click.Path(path_type=Path), help="Keep the results in this folder [default: nowhere].")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="How far scores may differ, up or down.",
)
@data_option
@plugin_option
def command(trial: tuple[str, ...], output: Path | None, tolerance: float, plugins: tuple[Path, ...]) -> int:
    """Train TRIAL anew from its record, score it by the same metrics, and compare.

    It gets the device, the number of threads and the engine that it had, where they are to be had. What else is
    different now (versions, commits, hardware) is listed. Exit code 0 if every score is equal, 1 if not.

    TRIAL is RESULTS_FOLDER/ID or RESULTS_FOLDER/TITLE; the beginning of either will do.
    """
    from harness.execution.reproduction import reproduce
    from harness.plugins.manager import PluginManager
    from harness.results.find import find_trial

    folder, found = find_trial(location(" ".join(trial)))
    with ExitStack() as stack:
        into = output or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-reproduce-")))
        reproduction = reproduce(folder, found, PluginManager(plugins), into)
    _print(reproduction, found.title)
    equal = reproduction.equal(tolerance)
    within = f" within {tolerance:g}" if tolerance else ""
    echo(f"{found.title} is {'reproduced' if equal else 'not reproduced'}{within}.")
    return 0 if equal else 1


def _print(reproduction: "Reproduction", title: str) -> None:
    """The scores side by side, then everything else that is different."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for heading in ("metric", "recorded", "again", "difference"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for score in reproduction.scores:
        before, now = _cell(score.recorded, score.recorded_reason), _cell(score.again, score.again_reason)
        table.add_row(score.metric, before, now, "" if score.difference is None else f"{score.difference:.3g}")
    console().print(table, "")
    recorded, again = reproduction.recorded, reproduction.again
    for when, result in (("before", recorded), ("now", again)):
        echo(f"outcome {when}: {result.outcome}" + (f", {result.reason}" if result.reason else ""))
    if (apart := reproduction.parameters) is not None:
        echo("parameters: " + (f"apart by {apart:.3g} at most" if apart else "equal bit for bit"))
    echo(f"training: {recorded.seconds:.1f} s before, {again.seconds:.1f} s now")
    for name, pair in reproduction.changed.items():
        echo("{}: {} before, {} now".format(name, *pair))
    echo("")


def _cell(score: float | None, reason: str) -> str:
    return reason if score is None else f"{score:.10g}"
