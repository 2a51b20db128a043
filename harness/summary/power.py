"""How many seeds a difference would need to be seen, from how much differences have varied between seeds so far."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.summary.comparison import setting_names, with_settings
from harness.summary.labels import distinct_labels
from harness.summary.leaderboard import METRIC
from harness.summary.statistics import pairs_needed


@dataclass(frozen=True)
class Power:
    """What differences of a size need, by one metric on one dataset.

    Attributes:
        dataset: the dataset.
        metric: the metric's label.
        deviation: standard deviation between seeds of a difference of two settings, in the metric's units: pooled over
            the differences of each setting from the first, paired by seed.
        comparisons: number of settings from which it is known.
        seeds: with which a paired t test at the 5 % level sees the difference in 80 % of studies; None if 10,000 are
            too few.
    """

    dataset: str
    metric: str
    deviation: float
    comparisons: int
    seeds: int | None

    def __str__(self) -> str:
        seeds = f"{self.seeds} seeds" if self.seeds else "more than 10,000 seeds"
        return f"{self.metric}: {seeds} (differences vary by {self.deviation:.3g} between seeds)"


def seeds_needed(scores: pd.DataFrame, size: float) -> Iterator[Power]:
    """Tell for each dataset and metric how many seeds show a difference of a size.

    Args:
        scores: `scores.parquet` of earlier trials; metrics without two pairs of seeds are passed over.
        size: the difference, in the metric's units, above 0.
    """
    named = with_settings(scores)
    ok = named[named["status"] == "ok"]
    pairs = list(dict.fromkeys(zip(ok["metric"], ok["metric_settings"], strict=True)))
    labels = dict(zip(pairs, distinct_labels(pairs), strict=True))
    for key, rows in ok.groupby(["dataset", *METRIC], sort=False):
        dataset, metric, settings = (str(part) for part in key)
        table = rows.astype({"score": float}).pivot_table(index="seed", columns="setting", values="score", sort=False)
        first, *others = setting_names(rows)
        differences = [(table[other] - table[first]).dropna().to_numpy() for other in others]
        known = [each for each in differences if len(each) > 1]
        degrees = sum(len(each) - 1 for each in known)
        if not degrees:
            continue
        deviation = math.sqrt(sum(np.square(each - each.mean()).sum() for each in known) / degrees)
        needed = pairs_needed(size / deviation) if deviation > 0 else 2
        yield Power(dataset, labels[metric, settings], deviation, len(known), needed)
