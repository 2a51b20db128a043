"""`harness compare`: is one setting better than another, by how much, and how sure is that?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completers import complete_results
from harness.cli.options import format_option, one_each
from harness.cli.terminal import echo
from harness.storage.location import location

if TYPE_CHECKING:
    import pandas as pd


ROW = ["dataset", "metric", "setting"]
"""What says which row of a table it is; those that a table has are its first columns."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=location, shell_complete=complete_results, metavar="PATH [PATH]")
@click.option("--baseline", metavar="SETTING", help="What all are compared with [default: the first of the suite].")
@click.option("--setting", "settings", multiple=True, metavar="SETTING", help="Compare this one alone (again: more).")
@click.option(
    "--metric", "metrics", multiple=True, callback=one_each, metavar="NAME", help="By this metric alone (again: more)."
)
@click.option("--ranks", is_flag=True, help="Mean ranks over all metrics and datasets instead.")
@click.option("--iqm", metavar="METRIC", help="Interquartile means of a metric over datasets and seeds instead.")
@format_option("table", "csv", "markdown", "latex", "json")
def command(
    paths: tuple[Path, ...],
    baseline: str | None,
    settings: tuple[str, ...],
    metrics: tuple[str, ...],
    ranks: bool,
    iqm: str | None,
    form: str,
) -> None:
    """Compare the settings of one results folder with a baseline, or two folders setting by setting.

    Scores of the same seed are compared with each other: they come from the same batches and draws. For each metric
    there is the mean difference with its 95 % t and bootstrap intervals, the probability of improvement, a permutation
    test corrected for all comparisons that are printed (Holm), and the number of seeds. A SETTING is a model's label
    and what is swept, "beta-vae beta=4.0", or the beginning of it. Of two folders the second is the baseline.

    One folder's comparison is also written there, as comparisons.parquet, unless --setting or --metric narrow it or
    the folder cannot be written.
    """
    import pandas as pd

    from harness.errors import StorageError, UserError
    from harness.results.folder import ResultsFolder
    from harness.storage.atomic import exists
    from harness.summary.aggregate import interquartile_means, mean_ranks
    from harness.summary.comparison import compare_folders, compare_settings, setting_names, with_settings
    from harness.summary.labels import metric_labels, metric_title
    from harness.summary.tables import read_scores

    if len(paths) > 2:
        raise click.UsageError("compare takes one results folder, or two")
    folders = [ResultsFolder(path) for path in paths]
    tables = [_by(read_scores(folder), metrics) for folder in folders]
    if (ranks or iqm) and len(folders) > 1:
        raise click.UsageError("--ranks and --iqm are of one results folder")
    if iqm:
        means = interquartile_means(tables[0], iqm)
        higher = not tables[0]["higher_is_better"][metric_labels(tables[0]) == iqm].eq(False).any()
        _print(means, f"Interquartile mean of {metric_title(iqm, higher_is_better=higher)}", form)
    elif ranks:
        found = mean_ranks(tables[0])
        title = f"Mean ranks over {found.tasks} metrics and datasets"
        if found.critical_difference is not None:
            title += f"; further apart than {found.critical_difference:.2f} is a difference (Friedman p {found.p:.3g})"
        columns = {"mean rank": found.mean, "scores that failed": found.failed}
        _print(pd.DataFrame(columns).rename_axis("setting").reset_index(), title, form)
    elif len(folders) == 2:
        if baseline or settings:
            raise click.UsageError("--baseline and --setting are for one results folder")
        _print_comparison(compare_folders(tables[0], tables[1], (str(paths[0]), str(paths[1]))), form)
    else:
        names = setting_names(with_settings(tables[0]))
        if len(names) < 2:
            raise UserError(f"{paths[0]}: there is one setting, '{''.join(names)}', and nothing to compare it with")
        table = compare_settings(tables[0], baseline or names[0], settings)
        if not settings and not metrics and exists(folders[0].suite_file):  # Published tables are left alone.
            try:
                folders[0].write_table("comparisons", table, folders[0].state(folders[0].suite))
            except StorageError as error:  # Others' results may be read and not written.
                echo(f"note: the comparison is not kept: {error}", err=True)
        _print_comparison(table, form)


def _by(scores: "pd.DataFrame", metrics: tuple[str, ...]) -> "pd.DataFrame":
    """The rows of scores by the metrics that were asked for, or by all.

    Raises:
        UserError: there are no scores, or none by one of the metrics.
    """
    from harness.errors import UserError, nearest

    known = list(dict.fromkeys(scores["metric"]))
    for name in metrics:
        if name not in known:
            raise UserError(f"--metric: no trial has been scored by '{name}'; {nearest(name, known)}")
    if scores.empty:
        raise UserError("there are no scores yet to compare")
    return scores[scores["metric"].isin(metrics)] if metrics else scores


def _print_comparison(table: "pd.DataFrame", form: str) -> None:
    if form in ("csv", "json"):
        _print(table, "", form)
        return
    from harness.cli.result_tables import metric_headings

    headings = metric_headings(table)
    names = [headings[metric] for metric in zip(table["metric"], table["metric_settings"], strict=True)]
    table = table.assign(metric=names)
    columns = ROW if table["dataset"].nunique() > 1 else ROW[1:]
    for baseline, rows in table.groupby("baseline", sort=False):
        corrected = f"p corrected for {table['family'].max()} comparisons"
        shown = _numbers(rows, columns) if form == "latex" else rows[[*columns, "sentence"]]
        _print(shown, f"Against {baseline}; {corrected}", form)


def _numbers(rows: "pd.DataFrame", columns: Sequence[str]) -> "pd.DataFrame":
    """Comparisons as numbers: the difference with its 95 % t interval, p, p by Holm, and the number of seeds."""
    import pandas as pd

    def interval(low: float, high: float) -> str:
        return "-" if pd.isna(low) else f"[{low:+.3g}, {high:+.3g}]"

    return rows[list(columns)].assign(
        difference=[f"{value:+.3g}" if pd.notna(value) else "-" for value in rows["difference"]],
        **{"95 % interval": [interval(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)]},
        p=rows["p"],
        **{"p (Holm)": rows["p_holm"]},
        n=["-" if pd.isna(n) else str(n) for n in rows["n"]],
    )


def _print(table: "pd.DataFrame", title: str, form: str) -> None:
    import pandas as pd

    from harness.cli.table_formats import print_as, print_table

    shown = table.map(
        lambda value: ("-" if pd.isna(value) else f"{value:.3g}") if isinstance(value, float) else str(value)
    )
    if form == "table":
        print_table(shown, title, keys=max(1, len(shown.columns.intersection(ROW))))
    elif form in ("markdown", "latex"):
        echo(f"**{title}**\n" if form == "markdown" else f"% {title}")
        print_as(form, shown)
        echo()
    else:
        print_as(form, table)
