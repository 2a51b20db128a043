"""Summaries over metrics and datasets without mixing their scales: ranks, interquartile means, performance profiles."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from harness.errors import UserError, nearest
from harness.seeds import numpy_rng
from harness.summary.comparison import setting_names, with_settings
from harness.summary.labels import metric_labels
from harness.summary.leaderboard import METRIC
from harness.summary.statistics import LEVEL, Sample, bootstrap_t, variances

THRESHOLDS = 101
"""Points of a performance profile."""


@dataclass(frozen=True)
class Ranks:
    """Mean ranks of settings over tasks, a task being one metric on one dataset (Demšar, 2006).

    Attributes:
        mean: mean rank of each setting, 1 is the best; settings without a score in every task are left out.
        tasks: number of tasks.
        p: p value of Friedman's test that all settings are alike; None for fewer than three settings or two tasks.
        critical_difference: mean ranks that are further apart differ at the 5 % level (Nemenyi); None as for p.
        failed: how many scores each of these settings lacks because a trial or a metric failed.
    """

    mean: "pd.Series[float]"
    tasks: int
    p: float | None
    critical_difference: float | None
    failed: "pd.Series[int]"

    @property
    def alike(self) -> list[tuple[float, float]]:
        """The longest runs of mean ranks, as (first, last), that are no further apart than the critical difference."""
        ranks = self.mean.sort_values().tolist()
        critical = self.critical_difference
        return [] if critical is None else [(ranks[start], ranks[end]) for start, end in _runs(ranks, critical)]


def _runs(ranks: list[float], critical: float) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for start in range(len(ranks)):
        end = max(position for position, rank in enumerate(ranks) if rank - ranks[start] <= critical)
        if end > start and not (runs and end <= runs[-1][1]):
            runs.append((start, end))
    return runs


def mean_ranks(scores: pd.DataFrame) -> Ranks:
    """Rank the settings of `scores.parquet` in every task by their mean score over seeds, and average the ranks.

    Metrics of one model are not independent tasks, so p and the critical difference flatter unless tasks are datasets.

    Raises:
        UserError: no setting has a score in every task.
    """
    tasks = _task_means(scores)
    complete = tasks.dropna(axis="index")
    if complete.empty:
        raise UserError("no setting has a score by every metric on every dataset, so ranks cannot be averaged")
    ranks = complete.rank(axis="index", ascending=False)
    k, n = ranks.shape
    mean = ranks.mean(axis="columns").sort_values()
    lacking = with_settings(scores)["setting"][scores["status"] == "failed"].value_counts()
    failed = lacking.reindex(mean.index, fill_value=0)
    if k < 3 or n < 2:
        return Ranks(mean, n, None, None, failed)
    p = float(stats.friedmanchisquare(*complete.to_numpy()).pvalue)
    quantile = stats.studentized_range.ppf(LEVEL, k, np.inf) / math.sqrt(2)
    critical = float(quantile * math.sqrt(k * (k + 1) / (6 * n)))
    return Ranks(mean, n, p, critical, failed)


def interquartile_means(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The interquartile mean of a metric's scores over datasets and seeds, with its bootstrap interval.

    The mean of the middle half of all runs is as robust as a median and as certain as a mean (Agarwal et al., 2021).
    Resamples are stratified: each dataset keeps its number of runs. One metric is one scale; several are not mixed.

    Returns:
        A row per setting: `runs` with a score, `failed` runs, `datasets`, `iqm`, `low`, `high` (95 %, `bootstrap_t`;
        missing where a dataset has a single run, or one dataset is all and has fewer than about eight).

    Raises:
        UserError: no trial has a score by this metric.
    """
    chosen, failed = _runs_of(scores, metric)
    rows = []
    for setting, runs in chosen.groupby("setting", sort=False):
        strata = [group["score"].to_numpy(float) for _, group in runs.groupby("dataset", sort=False)]
        rng = numpy_rng("interquartile mean", metric, setting)
        value, _ = _interquartile_mean(strata)
        low, high = bootstrap_t(strata, _interquartile_mean, rng)
        rows.append((setting, len(runs), failed.get(setting, 0), len(strata), float(value), low, high))
    table = pd.DataFrame(rows, columns=["setting", "runs", "failed", "datasets", "iqm", "low", "high"])
    return table.astype({"low": float, "high": float})


def _interquartile_mean(strata: Sequence[Sample]) -> tuple[Sample, Sample]:
    """The interquartile mean of samples (..., n) together, and its standard error.

    The error is that of Yuen (1974), from the variance of scores whose outer quarters are drawn in to the nearest score
    of the middle half, within each sample, because a resample keeps how many scores are of each.
    """
    ordered = np.sort(np.concatenate(strata, axis=-1), axis=-1)
    total = ordered.shape[-1]
    cut = int(total * 0.25)
    inner = total - 2 * cut
    lowest, highest = ordered[..., cut, None], ordered[..., total - cut - 1, None]
    squares = [sample.shape[-1] * variances(np.clip(sample, lowest, highest)) for sample in strata]
    return np.asarray(stats.trim_mean(ordered, 0.25, axis=-1)), np.asarray(np.sqrt(sum(squares)) / inner)


def performance_profile(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The share of runs whose score is at least as good as each threshold, by setting (Dolan & Moré, 2002).

    A run that failed counts, and reaches no threshold.

    Returns:
        `threshold`, from the worst score of any run to the best, then a column of shares per setting.

    Raises:
        UserError: no trial has a score by this metric.
    """
    chosen, failed = _runs_of(scores, metric)
    higher = bool(chosen["higher_is_better"].iloc[0])
    values = chosen["score"].astype(float)
    thresholds = np.linspace(values.min(), values.max(), THRESHOLDS)
    if not higher:
        thresholds = thresholds[::-1]
    table = {"threshold": thresholds}
    for setting, runs in chosen.groupby("setting", sort=False):
        found = runs["score"].to_numpy(float)[:, None]
        reached = ((found >= thresholds) if higher else (found <= thresholds)).sum(axis=0)
        table[str(setting)] = reached / (len(runs) + failed.get(setting, 0))
    return pd.DataFrame(table)


def _runs_of(scores: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, dict[Hashable, int]]:
    """The rows that have a score by one metric, with a column `setting` in words; and by setting how many failed.

    Raises:
        UserError: no trial has a score by a metric of this label, see `metric_labels`.
    """
    labels = metric_labels(scores)
    named = with_settings(scores)[labels == metric]
    chosen = named[named["status"] == "ok"]
    if chosen.empty:
        raise UserError(
            f"no trial has a score by the metric '{metric}'; {nearest(metric, list(dict.fromkeys(labels)))}"
        )
    return chosen, named["setting"][named["status"] == "failed"].value_counts().to_dict()


def _task_means(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean scores over seeds (settings, tasks), signed so that larger is better; NaN where there is no score."""
    named = with_settings(scores)
    ok = named[named["status"] == "ok"]
    signed = ok.assign(score=ok["score"].astype(float) * np.where(ok["higher_is_better"].astype(bool), 1.0, -1.0))
    means = signed.pivot_table(index="setting", columns=["dataset", *METRIC], values="score", aggfunc="mean")
    return means.reindex(setting_names(named))
