"""Tables as text: for the terminal, and as CSV, Markdown and JSON."""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

BOARD_CAPTION = "mean ± standard deviation over seeds; * best of its column"
SELECTION_CAPTION = "ground-truth scores of the chosen model; * the best of its pool; compared: ordered pairs of models"
JUDGEMENTS = {
    "regret": "distance from the best score of the pool to the chosen one [95 % interval over resampled pools]",
    "rank_correlation": "Spearman's, of selector and metric [95 % interval over resampled pools]",
    "beats_random": "share of the pool's other models that the choice beats, ties count half; 0.5 by chance",
}
"""The columns of selections that have a table of their own, and its caption."""


def wide_leaderboard(board: pd.DataFrame) -> pd.DataFrame:
    """One row per setting, one column per metric: "mean ± std", "n/a" or "failed"."""
    columns = _metric_headings(board)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for record in _records(board):
        swept = ", ".join(f"{key}={value}" for key, value in json.loads(record["swept"]).items())
        heading = columns[record["metric"], record["metric_settings"]]
        # All that was set tells settings apart; only what was swept is worth reading.
        key = (record["model"], record["hyperparameters"], record["training"])
        row = rows.setdefault(key, {"model": record["model"], "setting": swept})
        row[heading] = _cell(record)
    table = pd.DataFrame(list(rows.values()), columns=["model", "setting", *columns.values()])
    return table if table["setting"].any() else table.drop(columns="setting")


def _metric_headings(board: pd.DataFrame) -> dict[tuple[str, str], str]:
    """A heading for each metric; the arrow says which way is better, a number tells namesakes apart."""
    headings: dict[tuple[str, str], str] = {}
    for metric, settings, better in zip(
        board["metric"], board["metric_settings"], board["higher_is_better"], strict=True
    ):
        if (metric, settings) not in headings:
            namesakes = sum(name == metric for name, _ in headings)
            headings[metric, settings] = metric + (f" ({namesakes + 1})" if namesakes else "")
        if better is False:
            headings[metric, settings] = headings[metric, settings].removesuffix(" ↓") + " ↓"
    return headings


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False, name=None)]


def _cell(record: dict[str, Any]) -> str:
    if record["status"] != "ok":
        return {"not-applicable": "n/a", "missing": "-"}.get(str(record["status"]), "failed")
    spread = "" if pd.isna(record["std"]) else f" ± {record['std']:.2f}"
    missing = f" ({record['failed']} failed)" if record["failed"] else ""
    best = "*" if record["rank"] == 1 else ""
    return f"{record['mean']:.2f}{spread}{best}{missing}"


def wide_selections(selections: pd.DataFrame) -> pd.DataFrame:
    """For each pool a row per selector with the scores of its choice, then what chance and labels would choose."""
    columns = _metric_headings(selections.assign(higher_is_better=None))
    names = _selector_names(selections)
    rows = []
    for (name, size), pool in selections.groupby(["pool", "pool_size"], sort=False):
        chosen: dict[tuple[str, str], dict[str, str]] = {}
        mean, best = {"selector": "(random: mean)"}, {"selector": "(labels: best)"}
        for record in _records(pool):
            heading = columns[record["metric"], record["metric_settings"]]
            key = (record["selector"], record["selector_settings"])
            compared = f"{record['cross_evaluations']}/{record['pool_size'] ** 2}"
            row = chosen.setdefault(key, {"selector": names[key], "chosen": record["chosen"], "compared": compared})
            applies = record["status"] == "ok"
            row[heading] = f"{record['score']:.3f}{'' if record['regret'] else '*'}" if applies else "n/a"
            mean[heading], best[heading] = f"{record['mean']:.3f}", f"{record['best']:.3f}"
        rows += [{"pool": f"{name} ({size})", **row} for row in (*chosen.values(), mean, best)]
    return pd.DataFrame(rows, columns=["pool", "selector", "chosen", "compared", *columns.values()]).fillna("")


def not_applicable(selections: pd.DataFrame) -> list[str]:
    """Which selector does not apply to which pool, and why, a line each."""
    rows = selections.loc[selections["status"].eq("not-applicable"), ["selector", "pool", "reason"]].drop_duplicates()
    return [
        f"{record['selector']} does not apply to the pool '{record['pool']}': {record['reason']}"
        for record in _records(rows)
    ]


def selection_intervals(selections: pd.DataFrame, column: str) -> pd.DataFrame:
    """For each pool a row per selector with one column of the selections, and its interval if any, for each metric."""
    columns = _metric_headings(selections.assign(higher_is_better=None))
    names = _selector_names(selections)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for record in _records(selections):
        key = (record["selector"], record["selector_settings"])
        pool = f"{record['pool']} ({record['pool_size']})"
        row = rows.setdefault((pool, *key), {"pool": pool, "selector": names[key]})
        value, low, high = (record.get(name) for name in (column, f"{column}_low", f"{column}_high"))
        interval = "" if pd.isna(low) else f" [{low:.2f}, {high:.2f}]"
        row[columns[record["metric"], record["metric_settings"]]] = (
            "n/a" if pd.isna(value) else f"{value:.2f}{interval}"
        )
    table = pd.DataFrame(list(rows.values()), columns=["pool", "selector", *columns.values()]).fillna("")
    return table.sort_values("pool", key=lambda pools: pd.factorize(pools)[0], kind="stable")


def _selector_names(selections: pd.DataFrame) -> dict[tuple[str, str], str]:
    """A name for each selector; settings tell namesakes apart."""
    pairs = list(dict.fromkeys(zip(selections["selector"], selections["selector_settings"], strict=True)))
    names = {}
    for selector, text in pairs:
        settings = json.loads(text)
        others = [json.loads(other) for name, other in pairs if name == selector]
        told = [f"{key}={value}" for key, value in settings.items() if any(other[key] != value for other in others)]
        names[selector, text] = " ".join([selector, *told])
    return names


def rich_table(table: pd.DataFrame, title: str, caption: str) -> Group:
    """A data frame of texts for the terminal, between its title and its caption.

    What a * marks is bold; rows that share a pool stand together under its name.
    """
    rendered = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, column in enumerate(table.columns):
        rendered.add_column(str(column), overflow="fold", no_wrap=number < 2)
    previous = None
    for row in table.itertuples(index=False, name=None):
        cells = [_emphasised(str(value)) for value in row]
        if "pool" in table.columns:
            if previous not in (None, row[0]):
                rendered.add_section()
            cells[0] = "" if previous == row[0] else cells[0]
            previous = row[0]
        rendered.add_row(*cells)
    return Group(Text(title, style="bold"), rendered, Text(caption, style="dim"))


def _emphasised(text: str) -> str:
    escaped = text.replace("[", r"\[")
    return re.sub(r"^(.*)\*(.*)$", r"[bold]\1*[/bold]\2", escaped)


def markdown(table: pd.DataFrame) -> str:
    """A data frame of texts as a Markdown table."""

    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |"

    rule = "|" + "|".join(" --- " for _ in table.columns) + "|"
    return "\n".join([line(list(table.columns)), rule, *(line(row) for row in table.itertuples(index=False))])


def as_json(table: pd.DataFrame) -> str:
    """A data frame as a JSON list of records; what is missing is null."""
    return str(table.to_json(orient="records", indent=2, force_ascii=False))


WIDTH_ELSEWHERE = 160
"""Width of tables that go to a file or a pipe."""


def console() -> Console:
    """The standard output: as wide as the terminal, or wide enough for a table when it is none."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDTH_ELSEWHERE)
