"""Comparisons of settings: differences of their scores, paired by seed where seeds are shared.

Trials of one seed see the same batches, draws and evaluation images, so the difference of their scores varies less
than either score does. A comparison uses that wherever two settings share a seed, and says how many pairs it is made
from and what it left out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from harness.errors import UserError, nearest
from harness.results.schema import COMPARISONS
from harness.seeds import numpy_rng
from harness.summary.leaderboard import METRIC, SETTING
from harness.summary.statistics import (
    LEVEL,
    Difference,
    fewest_pairs,
    holm,
    least_p,
    paired_difference,
    pairs_needed,
    unpaired_difference,
)


@dataclass(frozen=True)
class Side:
    """One side of a comparison: the scores of a setting by one metric, by seed.

    Attributes:
        scores: score of each trial that has one, by seed.
        missing: reason why a trial has none, by seed.
    """

    scores: Mapping[int, float]
    missing: Mapping[int, str]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Side":
        """Make a side of the rows of `scores.parquet` of one setting and metric."""
        ok = rows["status"] == "ok"
        scores = {int(seed): float(score) for seed, score in zip(rows["seed"][ok], rows["score"][ok], strict=True)}
        missing = {int(seed): str(why) for seed, why in zip(rows["seed"][~ok], rows["reason"][~ok], strict=True)}
        return cls(scores, missing)

    @property
    def seeds(self) -> set[int]:
        """The seeds of all trials, with a score or without."""
        return {*self.scores, *self.missing}


def setting_names(scores: pd.DataFrame) -> list[str]:
    """The settings of a table of scores in words, such as "infogan-cr contrastive_weight=2.0", in its order."""
    return list(dict.fromkeys(scores["setting"]))


def with_settings(scores: pd.DataFrame) -> pd.DataFrame:
    """Add a column `setting` to `scores.parquet`: the label and the swept hyperparameters in words.

    Settings that would have the same words, because they differ in what is not swept, are numbered.
    """
    keys = list(zip(*(scores[name] for name in SETTING if name != "dataset"), strict=True))
    words: dict[tuple[str, ...], str] = {}
    for key in keys:
        if key in words:
            continue
        named = dict(zip((name for name in SETTING if name != "dataset"), key, strict=True))
        swept = [f"{name}={value}" for name, value in json.loads(named["swept"]).items()]
        text = " ".join([named["model"], *swept])
        namesakes = sum(other == text or other.startswith(f"{text} (") for other in words.values())
        words[key] = f"{text} ({namesakes + 1})" if namesakes else text
    return scores.assign(setting=[words[key] for key in keys])


def find_setting(name: str, names: Sequence[str]) -> str:
    """Find the setting that a text names, whole or by its beginning.

    Raises:
        UserError: no setting begins like this, or several do.
    """
    found = [other for other in names if other == name] or [other for other in names if other.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"'{name}' may be any of: {', '.join(found)}")
    raise UserError(f"there is no setting '{name}'; {nearest(name, names)}")


def compare_settings(scores: pd.DataFrame, baseline: str, settings: Sequence[str] = ()) -> pd.DataFrame:
    """Compare settings of one results folder with a baseline among them.

    Args:
        scores: `scores.parquet`.
        baseline: a setting in words, or its beginning.
        settings: the settings to compare with the baseline; with none, all others.

    Returns:
        The table `harness.results.schema.COMPARISONS`, whose p values are corrected over all of its rows.

    Raises:
        UserError: there is no such setting.
    """
    named = with_settings(scores)
    names = setting_names(named)
    base = find_setting(baseline, names)
    others = [find_setting(name, names) for name in settings] or [name for name in names if name != base]
    sides = _sides(named)
    rows = [
        _row(named, other, base, compared, sides[other, compared], sides[base, compared])
        for compared in _metrics_on_datasets(named)
        for other in others
        if (other, compared) in sides and (base, compared) in sides
    ]
    return _table(rows)


def compare_folders(first: pd.DataFrame, second: pd.DataFrame, names: tuple[str, str]) -> pd.DataFrame:
    """Compare each setting of one results folder with the same setting of another, as of two commits or machines.

    Args:
        first: `scores.parquet` of one folder.
        second: `scores.parquet` of the other folder, which is the baseline.
        names: what the two are called in the table.

    Raises:
        UserError: the folders share no setting.
    """
    one, two = with_settings(first), with_settings(second)
    sides, bases = _sides(one), _sides(two)
    shared = [key for key in sides if key in bases]
    if not shared:
        raise UserError(f"{names[0]} and {names[1]} share no setting, dataset and metric")
    rows = [
        _row(
            one,
            f"{setting}, {names[0]}",
            f"{setting}, {names[1]}",
            compared,
            sides[setting, compared],
            bases[setting, compared],
        )
        for setting, compared in shared
    ]
    return _table(rows)


MetricOnDataset = tuple[str, str, str]
"""A dataset, a metric and the metric's settings."""


def _metrics_on_datasets(scores: pd.DataFrame) -> list[MetricOnDataset]:
    return list(dict.fromkeys(zip(*(scores[name] for name in ["dataset", *METRIC]), strict=True)))


def _sides(scores: pd.DataFrame) -> dict[tuple[str, MetricOnDataset], Side]:
    return {
        (str(key[0]), (str(key[1]), str(key[2]), str(key[3]))): Side.of(rows)
        for key, rows in scores.groupby(["setting", "dataset", *METRIC], sort=False)
        if isinstance(key, tuple)
    }


def _row(
    scores: pd.DataFrame, setting: str, baseline: str, compared: MetricOnDataset, side: Side, base: Side
) -> dict[str, Any]:
    """A row for one comparison. Its p value is corrected later, when the whole family of comparisons is known."""
    dataset, metric, metric_settings = compared
    of_metric = (scores["metric"] == metric) & (scores["metric_settings"] == metric_settings)
    directions = scores["higher_is_better"][of_metric].dropna()
    higher = bool(directions.iloc[0]) if len(directions) else True
    row = {
        "suite": scores["suite"].iloc[0],
        "dataset": dataset,
        "metric": metric,
        "metric_settings": metric_settings,
        "higher_is_better": higher,
        "setting": setting,
        "baseline": baseline,
        "failed": len(side.missing),
        "baseline_failed": len(base.missing),
    }
    shared = sorted(side.scores.keys() & base.scores.keys())
    rng = numpy_rng("comparison", setting, baseline, *compared)
    # Pairs are compared where there are two at least. A single shared seed is a pair only if neither side has another
    # score; else both sides' scores tell more than that pair.
    if len(shared) > 1 or (shared and side.scores.keys() == base.scores.keys()):
        found = paired_difference(
            [side.scores[seed] for seed in shared],
            [base.scores[seed] for seed in shared],
            rng,
            higher_is_better=higher,
        )
        dropped = sorted(
            (side.scores.keys() | side.missing.keys() | base.scores.keys() | base.missing.keys()) - {*shared}
        )
    elif side.scores and base.scores:
        found = unpaired_difference(
            list(side.scores.values()), list(base.scores.values()), rng, higher_is_better=higher
        )
        dropped = sorted(side.missing.keys() | base.missing.keys())
    else:
        reasons = [*side.missing.values(), *base.missing.values()]
        return {**row, "status": "no-scores", "reason": "; ".join(dict.fromkeys(reasons)), "dropped": "[]"}
    return {**row, "status": "ok", "reason": "", "dropped": json.dumps(dropped), **_columns(found)}


def _columns(found: Difference) -> dict[str, Any]:
    columns = asdict(found)
    effect = columns.pop("effect")
    columns["difference"] = columns.pop("mean")
    needed = pairs_needed(effect) if found.paired and effect is not None else None
    return {**columns, "effect": effect, "pairs_needed": needed}


def _table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    corrected = holm([row.get("p") for row in rows])
    family = sum(value is not None for value in corrected)
    complete = []
    for row, p in zip(rows, corrected, strict=True):
        full = {**row, "p_holm": p, "family": family}
        complete.append({**full, "sentence": sentence(full)})
    table = pd.DataFrame(complete, columns=[column.name for column in COMPARISONS])
    whole = {column.name: "Int64" for column in COMPARISONS if column.type == "int64"}
    real = {column.name: float for column in COMPARISONS if column.type == "double"}
    return table.astype({**whole, **real})


def sentence(row: Mapping[str, Any]) -> str:
    """Put one comparison into a sentence: its numbers, and the conclusion that they allow."""
    if row["status"] != "ok":
        return f"nothing to compare: {row['reason'] or 'one side has no scores'}"
    together = f"equal in {'all ' if row['n'] > 1 else ''}{_seeds(row['n'])}"
    parts = [together] if _equal(row) else [_count(row), _size(row)]
    if not _equal(row) or row["p_holm"] is None:
        parts.append(_verdict(row))
    if row["failed"] or row["baseline_failed"]:
        parts.append(f"without scores: {row['failed']} here, {row['baseline_failed']} of the baseline")
    return "; ".join(parts)


def _equal(row: Mapping[str, Any]) -> bool:
    """Whether both sides have the same score of every seed."""
    return bool(row["paired"] and row["low"] in (0, None) and row["high"] in (0, None) and row["difference"] == 0)


def _count(row: Mapping[str, Any]) -> str:
    if row["paired"]:
        return f"better in {row['wins']} of {_seeds(row['n'])}"
    others = "other" if row["n_second"] == 1 else "others"
    return f"unpaired, {_seeds(row['n'])} against {row['n_second']} {others}"


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"


def _size(row: Mapping[str, Any]) -> str:
    interval = "" if row["low"] is None else f" ({row['low']:+.3g} to {row['high']:+.3g})"
    return f"{row['difference']:+.3g}{interval}"


def _verdict(row: Mapping[str, Any]) -> str:
    if row["p_holm"] is None:
        return "one seed tells nothing"
    if row["p_holm"] <= 1 - LEVEL:
        better = (row["difference"] > 0) == row["higher_is_better"]
        return "better" if better else "worse"
    least = least_p(row["n"], row["n_second"], paired=row["paired"])
    if least * row["family"] > 1 - LEVEL:
        if row["paired"]:
            return f"too few seeds to tell: {row['family']} comparisons need {fewest_pairs(row['family'])} at least"
        return f"too few seeds to tell: no difference of so few has a p below {least:.2g}"
    needed = row["pairs_needed"]
    hint = f"; an effect of this size would need about {needed} seeds" if needed and needed > row["n"] else ""
    return f"cannot be told from no difference{hint}"
