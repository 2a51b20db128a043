"""Leaderboards and selections as tables that a person reads: a row per setting or selector, a column per metric."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from harness.cli.console import console
from harness.cli.table_formats import latex, markdown, print_table
from harness.cli.terminal import echo
from harness.summary.labels import choice_in_words, distinct_labels, metric_title
from harness.summary.leaderboard import SETTING

BOARD_CAPTION = (
    "mean ± standard deviation over n seeds, [95 % interval of the mean]; * the best of its column and what cannot be "
    "told from it at the 5 % level (t tests paired by seed, Holm)"
)
ONE_SEED_CAPTION = "scores of one seed, which does not tell which is the best: nothing is marked"
SELECTION_CAPTION = (
    "ground-truth scores of the chosen model, the mean of those that tie; * the best of its pool; ↓ smaller is better; "
    "compared: ordered pairs of models"
)
JUDGEMENTS = {
    "regret": "distance from the best score of the pool to the chosen one [95 % interval over resampled pools]",
    "rank_correlation": "Spearman's, of selector and metric [95 % interval over resampled pools]; n/a where one of the "
    "two is the same for all models",
    "beats_random": "share of the pool's other models that the choice beats, ties count half; 0.5 by chance",
}
"""The columns of selections that have a table of their own, and its caption."""

MOST_NOTES = 12
"""Reasons that are told below a leaderboard."""

Record = dict[str, Any]
Headings = Mapping[tuple[str, str], str]


def print_leaderboard(board: pd.DataFrame, title: str) -> None:
    """Print a leaderboard on the terminal, and below it why scores are missing."""
    table = wide_leaderboard(board)
    if "setting" in table:  # In one column, which takes less of a narrow terminal.
        both = (table["model"] + " " + table["setting"]).str.rstrip()
        table = table.assign(model=both).drop(columns="setting")
    print_table(table, title, _board_caption(board), keys=2)
    for note in leaderboard_notes(board):
        console().print(note, style="dim")


def leaderboard_text(board: pd.DataFrame, form: str) -> str:
    """The same table as Markdown or LaTeX, with its caption below it."""
    return _captioned([(wide_leaderboard(board), _board_caption(board))], form, keys=1)


def _board_caption(board: pd.DataFrame) -> str:
    return BOARD_CAPTION if board["n"].max() > 1 else ONE_SEED_CAPTION


def _captioned(tables: Iterable[tuple[pd.DataFrame, str]], form: str, keys: int) -> str:
    """Tables as Markdown or LaTeX, each with its caption below it."""
    if form == "latex":
        return "\n".join(f"{latex(table, keys=keys)}% {caption}\n" for table, caption in tables)
    return "\n".join(f"{markdown(table)}\n\n{caption}\n" for table, caption in tables)


def print_selections(selections: pd.DataFrame, title: str, *, judgements: bool = True) -> None:
    """Print what selectors chose on the terminal, and how their choices are judged."""
    print_table(wide_selections(selections), title, SELECTION_CAPTION, keys=2, group="pool")
    for column, caption in JUDGEMENTS.items() if judgements else ():
        echo()
        name = column.replace("_", " ").capitalize()
        print_table(selection_intervals(selections, column), name, caption, group="pool")


def print_differences(differences: pd.DataFrame) -> None:
    """Print how selectors compare with a random choice and with each other."""
    echo()
    print_table(wide_differences(differences), "Differences of regret", DIFFERENCES_CAPTION, keys=2, group="pool")


def selections_text(selections: pd.DataFrame, differences: pd.DataFrame, form: str) -> str:
    """The same tables as Markdown or LaTeX, each with its caption below it."""
    tables = [(wide_selections(selections), SELECTION_CAPTION)]
    for column, caption in JUDGEMENTS.items():
        tables.append((selection_intervals(selections, column), f"{column.replace('_', ' ')}: {caption}"))
    if len(differences):
        tables.append((wide_differences(differences), DIFFERENCES_CAPTION))
    return _captioned(tables, form, keys=2)


DIFFERENCES_CAPTION = (
    "regret of a selector less that of another, below 0 it chooses better [95 % interval, over the same resampled "
    "pools]; * all of the interval is below 0"
)


def wide_differences(differences: pd.DataFrame) -> pd.DataFrame:
    """For each pool a row per pair of selectors, with the difference of their regrets for each metric."""
    columns = metric_headings(differences)
    pairs = [*zip(differences["selector"], differences["selector_settings"], strict=True)]
    others = [*zip(differences["other"], differences["other_settings"], strict=True)]
    names, decimals = _told_apart(dict.fromkeys(pairs + others)), _decimals(differences, ["difference"])
    rows: dict[tuple[str, ...], Record] = {}
    for record, pair, other in zip(_records(differences), pairs, others, strict=True):
        metric = (record["metric"], record["metric_settings"])
        pool = f"{record['pool']} ({record['pool_size']})"
        row = rows.setdefault(
            (pool, *pair, *other), {"pool": pool, "selector": names[pair], "less that of": names[other]}
        )
        digits = decimals[metric]
        star = "*" if record["high"] < 0 else ""
        ends = f"\n[{number(record['low'], digits)}, {number(record['high'], digits)}]"
        row[columns[metric]] = f"{number(record['difference'], digits)}{star}{ends}"
    headings = ["pool", "selector", "less that of", *columns.values()]
    return pd.DataFrame(list(rows.values()), columns=headings).fillna("")


def wide_leaderboard(board: pd.DataFrame) -> pd.DataFrame:
    """One row per setting, one column per metric: "mean ± std" and the interval; or "n/a", "failed" or "to do"."""
    columns, decimals = metric_headings(board), _decimals(board, ["mean"])
    rows: dict[tuple[str, ...], Record] = {}
    seeds: dict[tuple[str, ...], int] = {}
    records = _records(board)
    for record in records:  # All that was set tells settings apart; only what was swept is worth reading.
        key = tuple(record[name] for name in SETTING)
        seeds[key] = max(seeds.get(key, 0), int(record["n"]))
    for record in records:
        key = tuple(record[name] for name in SETTING)
        swept = ", ".join(f"{name}={value}" for name, value in json.loads(record["swept"]).items())
        row = rows.setdefault(key, {"model": record["model"], "setting": swept, "n": str(seeds[key])})
        metric = (record["metric"], record["metric_settings"])
        row[columns[metric]] = _mean(record, seeds[key], decimals[metric])
    table = pd.DataFrame(list(rows.values()), columns=["model", "setting", "n", *columns.values()]).fillna("-")
    return table if table["setting"].any() else table.drop(columns="setting")


def _mean(record: Record, seeds: int, decimals: int) -> str:
    """A cell of a leaderboard; `seeds` is the row's number of scored trials, told where this one has another."""
    if record["status"] != "ok":
        return _word(record)
    spread: str = "" if pd.isna(record["std"]) else f" ± {number(record['std'], decimals)}"
    best = "*" if record.get("best") else ""
    counts = [
        f"{record[name]} {word}" for name, word in (("failed", "failed"), ("pending", "to do")) if record.get(name)
    ]
    fewer = [f"n={record['n']}"] if record["n"] != seeds else []
    missing = f" ({', '.join(counts or fewer)})" if counts or fewer else ""
    return f"{number(record['mean'], decimals)}{spread}{best}{missing}{_interval(record, 'ci', decimals)}"


def _word(record: Record) -> str:
    """The word that stands in the place of a missing score."""
    return {"not-applicable": "n/a", "missing": "to do"}.get(str(record["status"]), "failed")


def leaderboard_notes(board: pd.DataFrame) -> list[str]:
    """Why scores of a leaderboard are missing: a line for each reason, with the metrics and models."""
    columns = metric_headings(board)
    models: dict[tuple[str, str, str], dict[str, None]] = {}
    for record in _records(board):
        if record["reason"] and record["status"] != "missing":
            word = "n/a" if record["status"] == "not-applicable" else "failed"
            heading = columns[record["metric"], record["metric_settings"]].removesuffix(" ↓")
            models.setdefault((heading, word, record["reason"]), {})[record["model"]] = None
    everywhere = board["model"].nunique()
    headings: dict[tuple[str, str], list[str]] = {}
    for (heading, word, reason), names in models.items():
        which = "" if len(names) == everywhere else f" ({', '.join(names)})"
        headings.setdefault((f"{word}{which}", reason), []).append(heading)
    notes = [f"{', '.join(metrics)} {which}: {reason}" for (which, reason), metrics in headings.items()]
    more = [f"and {len(notes) - MOST_NOTES} more; --format csv has every reason"] if len(notes) > MOST_NOTES else []
    return notes[:MOST_NOTES] + more


def wide_selections(selections: pd.DataFrame) -> pd.DataFrame:
    """For each pool a row per selector with the scores of its choice, then the pool's mean and best scores."""
    columns, names = metric_headings(selections), _selector_names(selections)
    decimals = _decimals(selections, ["score", "mean", "best"])
    rows: list[Record] = []
    for (name, size), pool in selections.groupby(["pool", "pool_size"], sort=False):
        chosen: dict[tuple[str, str], Record] = {}
        mean, best = {"selector": "(random: mean)"}, {"selector": "(labels: best)"}
        for record in _records(pool):
            metric = (record["metric"], record["metric_settings"])
            key = (record["selector"], record["selector_settings"])
            compared = f"{record['cross_evaluations']}/{record['pool_size'] ** 2}"
            choice = choice_in_words(record["chosen"], record.get("tied"))
            row = chosen.setdefault(key, {"selector": names[key], "chosen": choice, "compared": compared})
            applies = record["status"] == "ok"
            star = "*" if applies and not record["regret"] else ""
            row[columns[metric]] = number(record["score"], decimals[metric]) + star if applies else _word(record)
            mean[columns[metric]] = number(record["mean"], decimals[metric])
            best[columns[metric]] = number(record["best"], decimals[metric])
        rows += [{"pool": f"{name} ({size})", **row} for row in (*chosen.values(), mean, best)]
    return pd.DataFrame(rows, columns=["pool", "selector", "chosen", "compared", *columns.values()]).fillna("")


def unjudged_notes(selections: pd.DataFrame) -> list[str]:
    """Which selector chose nothing from which pool, and why, a line each."""
    words = {"not-applicable": "does not apply to", "failed": "failed on"}
    unjudged = selections.loc[selections["status"].ne("ok"), ["selector", "pool", "status", "reason"]].drop_duplicates()
    return [
        f"{record['selector']} {words[record['status']]} the pool '{record['pool']}': {record['reason']}"
        for record in _records(unjudged)
    ]


def selection_intervals(selections: pd.DataFrame, column: str) -> pd.DataFrame:
    """For each pool a row per selector with one column of the selections, and its interval if any, for each metric."""
    columns, names = metric_headings(selections), _selector_names(selections)
    decimals = _decimals(selections, [column])
    rows: dict[tuple[str, ...], Record] = {}
    for record in _records(selections):
        key = (record["selector"], record["selector_settings"])
        metric = (record["metric"], record["metric_settings"])
        pool = f"{record['pool']} ({record['pool_size']})"
        row = rows.setdefault((pool, *key), {"pool": pool, "selector": names[key]})
        found = number(record[column], decimals[metric])
        row[columns[metric]] = found if found == "n/a" else found + _interval(record, column, decimals[metric])
    table = pd.DataFrame(list(rows.values()), columns=["pool", "selector", *columns.values()]).fillna("")
    return table.sort_values("pool", key=lambda pools: pd.factorize(pools)[0], kind="stable")


def number(value: float | None, decimals: int) -> str:
    """A number with so many decimals, or in scientific notation where it is out of their reach; "n/a" for none.

    >>> number(0.52, 3), number(12345678.0, 3), number(float("nan"), 3)
    ('0.520', '1.23e+07', 'n/a')
    """
    if value is None or pd.isna(value):
        return "n/a"
    return f"{value:.{decimals}f}" if abs(value) < 1e7 and (decimals < MOST_DECIMALS or not value) else f"{value:.2e}"


MOST_DECIMALS = 7


def _decimals(table: pd.DataFrame, columns: list[str]) -> dict[tuple[str, str], int]:
    """For each metric the decimals that show its largest number to three significant digits."""
    sizes: dict[tuple[str, str], float] = {}
    for metric, settings, size in zip(
        table["metric"], table["metric_settings"], table[columns].astype(float).abs().max(axis=1), strict=True
    ):
        sizes[metric, settings] = max(sizes.get((metric, settings), 0.0), 0.0 if pd.isna(size) else size)
    powers = {key: math.floor(math.log10(size)) if 0 < size < math.inf else 0 for key, size in sizes.items()}
    return {key: min(MOST_DECIMALS, max(1, 3 - power if power >= 0 else 2 - power)) for key, power in powers.items()}


def _interval(record: Record, name: str, decimals: int) -> str:
    """The ends of an interval as a cell's second line; nothing where there is none."""
    low, high = record.get(f"{name}_low"), record.get(f"{name}_high")
    return "" if pd.isna(low) or pd.isna(high) else f"\n[{number(low, decimals)}, {number(high, decimals)}]"


def metric_headings(table: pd.DataFrame) -> Headings:
    """Give each metric a heading: its name, the settings by which namesakes differ, and ↓ where smaller is better."""
    smaller = table["higher_is_better"].eq(False) if "higher_is_better" in table else [False] * len(table)
    metrics = list(zip(table["metric"], table["metric_settings"], strict=True))
    names = _told_apart(dict.fromkeys(metrics))
    down = {metric for metric, is_smaller in zip(metrics, smaller, strict=True) if is_smaller}
    return {metric: metric_title(name, higher_is_better=metric not in down) for metric, name in names.items()}


def _selector_names(selections: pd.DataFrame) -> Headings:
    """A name for each selector; settings tell namesakes apart."""
    return _told_apart(dict.fromkeys(zip(selections["selector"], selections["selector_settings"], strict=True)))


def _told_apart(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A name for each (name, settings as JSON): behind those of namesakes stand the settings in which they differ."""
    pairs = list(pairs)
    return dict(zip(pairs, distinct_labels(pairs), strict=True))


def _records(table: pd.DataFrame) -> list[Record]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False, name=None)]
