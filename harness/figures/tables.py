"""Figures of tables of scores: leaderboards, metrics against each other, ranks, profiles, scores along the training."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness.errors import UserError
from harness.figures.paper import axes_of, colours, new_figure, paper_style
from harness.summary.aggregate import mean_ranks, performance_profile
from harness.summary.comparison import setting_names, with_settings
from harness.summary.labels import metric_labels, metric_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, COLUMN = 0.22, 1.35
"""Inches that a setting takes downwards and a metric across."""

MOST_COLUMNS = 4


@paper_style
def leaderboard_figure(board: pd.DataFrame) -> "Figure":
    """Draw means with 95 % intervals over seeds: a panel for each metric and dataset, a row for each setting.

    Filled marks are the best and what cannot be told from it; hollow ones differ from it. A mean of one seed has no
    interval.

    Raises:
        UserError: there is no score, or no matplotlib.
    """
    board = board[board["status"] == "ok"]
    if board.empty:
        raise UserError("there are no scores to draw a leaderboard of")
    named = with_settings(board).assign(label=metric_labels(board))
    names = setting_names(named)
    panels = list(named.groupby(["dataset", "label"], sort=False))
    several = named["dataset"].nunique() > 1
    columns = min(MOST_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    widest = 0.055 * max(len(name) for name in names)
    figure = new_figure(widest + columns * COLUMN + 0.3, rows * (0.6 + ROW * len(names)))
    axes = axes_of(figure, rows, columns, sharey=True)
    for panel, (key, own) in zip(axes, panels, strict=False):
        dataset, label = str(key[0]), str(key[1])
        title = metric_title(label, higher_is_better=not own["higher_is_better"].eq(False).any())
        panel.set_title(f"{title}\n{dataset}" if several else title)
        for row in own.to_dict("records"):
            _interval(panel, {str(name): value for name, value in row.items()}, names.index(row["setting"]))
        panel.set_yticks(range(len(names)), names)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.grid(axis="x", linewidth=0.3)
    for panel in axes[len(panels) :]:
        panel.set_axis_off()
    return figure


def _interval(panel: "Axes", row: Mapping[str, Any], position: int) -> None:
    colour = colours(["a"])["a"]
    if pd.notna(row["ci_low"]):
        panel.plot(
            [row["ci_low"], row["ci_high"]], [position, position], color=colour, linewidth=1.2, solid_capstyle="butt"
        )
    fill = colour if row.get("best") else "white"
    panel.plot([row["mean"]], [position], "o", color=colour, markerfacecolor=fill, markersize=4, markeredgewidth=1)


@paper_style
def metrics_figure(scores: pd.DataFrame) -> "Figure":
    """Draw how metrics agree: Spearman's rank correlation of each pair over trials, signed so that better is larger.

    Of two metrics their scores are drawn against each other.

    Raises:
        UserError: fewer than two metrics have scores, or there is no matplotlib.
    """
    ok = scores[scores["status"] == "ok"]
    ok = with_settings(ok).assign(label=metric_labels(ok))
    wide = ok.pivot_table(index="trial", columns="label", values="score", sort=False)
    if wide.shape[1] < 2:
        raise UserError("metrics are drawn against each other where two or more have scores")
    higher = {str(label): not own["higher_is_better"].eq(False).any() for label, own in ok.groupby("label")}
    titles = [metric_title(str(label), higher_is_better=higher[str(label)]) for label in wide.columns]
    if wide.shape[1] == 2:
        return _scatter(wide, ok.groupby("trial")["setting"].first(), titles)
    signed = wide * [1 if higher[str(label)] else -1 for label in wide.columns]
    return heat_figure(signed.rank().corr().to_numpy(), titles, titles, "rank correlation over trials", signed=True)


def _scatter(wide: pd.DataFrame, settings: "pd.Series[str]", titles: list[str]) -> "Figure":
    figure = new_figure(4.5, 3)
    (panel,) = axes_of(figure)
    names = list(dict.fromkeys(settings[wide.index]))
    for name, colour in colours(names).items():
        own = wide[(settings[wide.index] == name).to_numpy()]
        panel.plot(own.iloc[:, 0], own.iloc[:, 1], "o", color=colour, markersize=3.5, alpha=0.8, label=name)
    panel.set_xlabel(titles[0])
    panel.set_ylabel(titles[1])
    figure.legend(loc="outside right upper")
    return figure


def heat_figure(values: Any, rows: list[str], columns: list[str], title: str, *, signed: bool = False) -> "Figure":
    """Draw a matrix as a heat map with its numbers in it.

    Args:
        values: (R, C) numbers; NaN is left blank.
        rows: names of the rows.
        columns: names of the columns.
        title: what the numbers are.
        signed: whether they lie between -1 and 1 around 0; else between 0 and their maximum.
    """
    matrix = np.asarray(values, dtype=float)
    size = (
        0.06 * max(map(len, rows)) + 0.42 * len(columns) + 0.9,
        0.06 * max(map(len, columns)) + 0.3 * len(rows) + 0.5,
    )
    figure = new_figure(max(size[0], 0.07 * len(title) + 0.5), size[1])
    (panel,) = axes_of(figure)
    largest = 1.0 if signed else float(np.nanmax(matrix, initial=0)) or 1.0
    panel.imshow(matrix, cmap="RdBu_r" if signed else "Blues", vmin=-1 if signed else 0, vmax=largest, aspect="auto")
    panel.set_xticks(range(len(columns)), columns, rotation=90)
    panel.set_yticks(range(len(rows)), rows)
    panel.set_title(title)
    for row, column in np.ndindex(*matrix.shape) if matrix.size <= 600 else ():
        value = matrix[row, column]
        dark = abs(value) > 0.6 * largest
        panel.text(
            column,
            row,
            "" if np.isnan(value) else f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=6,
            color="white" if dark else "black",
        )
    return figure


@paper_style
def ranks_figure(scores: pd.DataFrame) -> "Figure":
    """Draw a critical-difference diagram: mean ranks over metrics and datasets (Demšar, 2006).

    Settings that a thick line joins are no further apart than Nemenyi's critical difference at the 5 % level.

    Raises:
        UserError: no setting has a score in every task, or there is no matplotlib.
    """
    found = mean_ranks(scores)
    ranks = found.mean.sort_values()
    count = len(ranks)
    left = math.ceil(count / 2)
    groups = found.alike
    line = 0.09 * len(groups) + 0.12
    height = 0.15 + line + 0.2 * left
    figure = new_figure(7, height + 0.6)
    (panel,) = axes_of(figure)
    panel.set_axis_off()
    low, high = 1.0, float(max(count, 2))
    margin = 0.75 * (high - low)
    panel.set_xlim(low - margin, high + margin)
    panel.set_ylim(height, -0.55)
    panel.plot([low, high], [0, 0], color="black", linewidth=0.8)
    for tick in range(1, int(high) + 1):
        panel.plot([tick, tick], [0, -0.07], color="black", linewidth=0.8)
        panel.text(tick, -0.1, str(tick), ha="center", va="bottom")
    for position, (name, rank) in enumerate(ranks.items()):
        first = position < left
        down = line + 0.2 * (position if first else count - 1 - position) + 0.15
        end = low - 0.03 * (high - low) if first else high + 0.03 * (high - low)
        panel.plot([rank, rank, end], [0, down, down], color="black", linewidth=0.6)
        text = f"{name}  {rank:.2f}" if first else f"{rank:.2f}  {name}"
        panel.text(end, down, f"{text} " if first else f" {text}", ha="right" if first else "left", va="center")
    for number, (start, end) in enumerate(groups):
        y = 0.1 + 0.09 * number
        panel.plot([start - 0.02, end + 0.02], [y, y], color="black", linewidth=2.4, solid_capstyle="butt")
    if found.critical_difference:
        shown = min(found.critical_difference, high - low)
        panel.plot([low, low + shown], [-0.4, -0.4], color="black", linewidth=1, marker="|", markersize=5)
        words = f"critical difference {found.critical_difference:.2f}, {found.tasks} tasks, Friedman p {found.p:.2g}"
        panel.text(low + shown + 0.03 * (high - low), -0.4, words, va="center")
    return figure


@paper_style
def profiles_figure(scores: pd.DataFrame, metric: str) -> "Figure":
    """Draw performance profiles: the share of all runs, failed ones too, that score at least as well as each threshold.

    Raises:
        UserError: no trial has a score by the metric, or there is no matplotlib.
    """
    profile = performance_profile(scores, metric)
    higher = profile["threshold"].iloc[0] <= profile["threshold"].iloc[-1]
    figure = new_figure(5, 2.6)
    (panel,) = axes_of(figure)
    names = [str(name) for name in profile.columns if name != "threshold"]
    styles = ("-", "--", ":", "-.")
    for position, (name, colour) in enumerate(colours(names).items()):
        style = styles[position // 7 % len(styles)]
        panel.step(profile["threshold"], profile[name], where="post", color=colour, linestyle=style, label=name)
    if not higher:
        panel.invert_xaxis()
    panel.set_ylim(0, 1.02)
    panel.set_xlabel(metric_title(metric, higher_is_better=higher))
    panel.set_ylabel("share of runs at least as good")
    figure.legend(loc="outside right upper")
    return figure
