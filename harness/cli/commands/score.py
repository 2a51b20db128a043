"""`harness score`: metrics on a table of codes made elsewhere."""

import json
from pathlib import Path

import click
from rich.table import Table

from harness.cli.console import console
from harness.cli.options import data_option, format_option, one_each, plugin_option, settings_of
from harness.cli.terminal import echo
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.storage.location import location
from harness.summary.labels import metric_title


@click.command()
@click.argument("file", type=location)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    callback=one_each,
    help="A metric (may be given again); all that apply by default.",
)
@click.option(
    "--factors", metavar="FILE|DATASET", help="A file of factors, or the dataset in whose order the codes are."
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of that dataset (again: more).")
@click.option("--continuous", multiple=True, metavar="FACTOR", help="A factor to be cut into 20 intervals.")
@click.option("--categorical", multiple=True, metavar="FACTOR", help="A factor whose levels have no order.")
@click.option("--protocol", help="Protocol for every metric that has several, such as infogan-cr.")
@click.option("--seed", default=0, show_default=True, help="Seeds whatever the file does not fix.")
@format_option("table", "json", "markdown", "latex")
@data_option
@plugin_option
def command(
    file: Path,
    metrics: tuple[str, ...],
    factors: str | None,
    settings: tuple[str, ...],
    continuous: tuple[str, ...],
    categorical: tuple[str, ...],
    protocol: str | None,
    seed: int,
    form: str,
    plugins: tuple[Path, ...],
) -> None:
    """Score the codes in FILE, an npz, Parquet or CSV file.

    An npz file holds `codes` (N, D), one row per observation, and `factors` (N, F) of the same observations, complete
    grid or not, in any order. In place of `factors` it may have `factor_sizes` (F,), if there is a row for each point
    of the complete grid in C order, and `factor_values` (N, F) and `is_continuous` (F,). Optional are `code_groups`
    (D,), equal for columns that are one code; `kl` (D,); and fixed samples such as `train_index` and `test_index`.

    In a Parquet or CSV file columns whose names begin with "factor" are factors and all others codes; with --factors
    all are codes. A file of factors may be one that stands beside a folder of pictures: its texts are levels without
    an order, and its column `file` is left out. Without factors only metrics that need none apply.
    """
    from harness.scoring.codes_file import score_file

    def note(text: str) -> None:
        echo(text, err=True)

    registry = PluginManager(plugins).registry
    scores = score_file(
        file,
        metrics,
        registry,
        factors=factors,
        settings=settings_of(settings),
        continuous=continuous or None,
        categorical=categorical,
        protocol=protocol,
        seed=seed,
        note=note,
    )
    if form == "json":
        echo(json.dumps(scores, indent=2))
        return
    rows = [
        (_title(registry, name), f"{found['score']:.4f}" if found["score"] is not None else found["reason"])
        for name, found in scores.items()
    ]
    if form != "table":
        import pandas as pd

        from harness.cli.table_formats import print_as

        print_as(form, pd.DataFrame(rows, columns=["metric", "score"]))
        return
    table = Table("metric", "score", box=None, pad_edge=False, header_style="dim")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def _title(registry: Registry, name: str) -> str:
    """A metric's name in a table, which says where smaller scores are better."""
    return metric_title(name, higher_is_better=registry.find("metrics", name).load().higher_is_better)
