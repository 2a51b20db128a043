"""`harness score`: metrics on a table of codes made elsewhere."""

import json
from pathlib import Path

import click
from rich.table import Table

from harness.cli.console import console
from harness.cli.options import format_option, plugin_option
from harness.cli.terminal import echo
from harness.plugins.manager import PluginManager
from harness.storage.location import location


@click.command()
@click.argument("file", type=location)
@click.option("--metric", "metrics", multiple=True, help="A metric (may be given again); all that apply by default.")
@click.option("--protocol", help="Protocol for every metric that has several, such as infogan-cr.")
@click.option("--seed", default=0, show_default=True, help="Seeds whatever the file does not fix.")
@format_option("table", "json")
@plugin_option
def command(
    file: Path, metrics: tuple[str, ...], protocol: str | None, seed: int, form: str, plugins: tuple[Path, ...]
) -> None:
    """Score the codes in FILE.npz.

    The file holds `codes` (N, D), one row per point of the complete factor grid in C order, and
    `factor_sizes` (F,); optionally `factor_values` (N, F), `is_continuous` (F,) and fixed samples such as
    `train_index` and `test_index`, which are used where present.
    """
    from harness.scoring.codes_file import score_file

    def note(text: str) -> None:
        echo(text, err=True)

    scores = score_file(file, metrics, PluginManager(plugins).registry, protocol=protocol, seed=seed, note=note)
    if form == "json":
        echo(json.dumps(scores, indent=2))
        return
    table = Table("metric", "score", box=None, pad_edge=False, header_style="dim")
    for name, found in scores.items():
        table.add_row(name, f"{found['score']:.4f}" if found["score"] is not None else found["reason"])
    console().print(table)
