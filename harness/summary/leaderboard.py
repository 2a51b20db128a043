"""Tables of scores: one row per trial and metric, and their summary over seeds."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from harness.results.result import Outcome, Result
from harness.results.schema import LEADERBOARD, SCORES
from harness.results.status import StudyStatus
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial, score_key
from harness.summary.best import best_settings

SETTING = ["dataset", "model", "hyperparameters", "swept", "training"]
METRIC = ["metric", "metric_settings"]


def score_table(status: StudyStatus) -> pd.DataFrame:
    """One row per trial and metric of a suite, as in `harness.results.schema.SCORES`.

    A trial that is not done has none, and neither has a metric that has yet to score a trained model.
    """
    suite = status.suite
    metrics = [(metric, score_key(metric, suite.evaluation_seed), metric_columns(metric)) for metric in suite.metrics]
    rows = [row for trial, result in status.ended for row in _score_rows(suite, trial, result, metrics)]
    return pd.DataFrame(rows, columns=[column.name for column in SCORES])


def _score_rows(
    suite: Suite, trial: Trial, result: Result, metrics: Sequence[tuple[Choice, str, dict[str, object]]]
) -> Iterable[dict[str, object]]:
    by_key = {record.key: record for record in result.scores}
    shared = {
        **trial_columns(suite, trial),
        "seed": trial.seed,
        "model_name": trial.model.name,
        "steps": trial.training.steps,
        "outcome": str(result.outcome),
        "training_seconds": result.seconds,
        "device": result.provenance.get("device", ""),
        "harness_version": result.provenance.get("disentanglement-harness", ""),
        "torch_version": result.provenance.get("torch", ""),
        "model_version": trial.model.version,
        "git_commit": result.provenance.get("git_commit", ""),
        "finished_at": result.finished_at,
    }
    for metric, key, columns in metrics:
        record = by_key.get(key)
        if record is None and result.outcome is Outcome.FINISHED:
            continue
        yield {
            **shared,
            **columns,
            "status": record.status if record else "failed",
            "reason": record.reason if record else _why_none(result),
            "score": record.score if record else None,
            "higher_is_better": record.higher_is_better if record else None,
            "details": json.dumps(record.details if record else {}),
            "seconds": record.seconds if record else None,
            "metric_version": metric.version,
        }


def _why_none(result: Result) -> str:
    """Why a trial that ended badly has no scores."""
    return result.reason if result.outcome is Outcome.FAILED else f"{result.outcome}: {result.reason}"


def trial_columns(suite: Suite, trial: Trial) -> dict[str, object]:
    """The columns that name a trial and its setting."""
    return {
        "suite": suite.name,
        "trial": trial.id,
        "dataset": trial.dataset.name,
        "model": trial.label,
        "hyperparameters": json.dumps(dict(trial.model.config)),
        "swept": json.dumps(dict(trial.swept)),
        "training": json.dumps(trial.training.values()),
        "chosen_by": trial.chosen_by,
        "labels_seen": trial.labels_seen,
    }


def metric_columns(metric: Choice) -> dict[str, object]:
    """The columns that name a metric."""
    return {"metric": metric.name, "metric_settings": json.dumps(dict(metric.config))}


def leaderboard(scores: pd.DataFrame, suite: Suite) -> pd.DataFrame:
    """Scores summarised over seeds, as in `harness.results.schema.LEADERBOARD`; one row per setting and metric."""
    rows = []
    by_seed: list[dict[int, float]] = []
    positions = _positions(scores)
    found = {name: scores[name].to_numpy() for name in ("status", "reason", "score", "higher_is_better", "seed")}
    metrics = [metric_columns(metric) for metric in suite.metrics]
    for columns, trials in _settings(suite):
        for metric in metrics:
            row = {**columns, **metric}
            group = positions.get(tuple(row[name] for name in [*SETTING, *METRIC]), [])
            own = {name: values[group] for name, values in found.items()}
            rows.append({**row, **_summary(own, trials)})
            ok = own["status"] == "ok"
            by_seed.append(dict(zip(own["seed"][ok].tolist(), own["score"][ok].astype(float).tolist(), strict=True)))
    table = pd.DataFrame(rows, columns=[column.name for column in LEADERBOARD])
    _mark_best(table, by_seed)
    return _with_ranks(table.astype({**dict.fromkeys(["mean", "std", "ci_low", "ci_high"], float), "best": bool}))


def _mark_best(table: pd.DataFrame, by_seed: Sequence[Mapping[int, float]]) -> None:
    """Fill the column `best` from the scores of each row by seed."""
    table["best"] = False
    for positions in table.groupby(["dataset", *METRIC], sort=False).indices.values():
        higher = not table["higher_is_better"].iloc[positions].eq(False).any()
        table.loc[positions, "best"] = best_settings(
            [by_seed[position] for position in positions], higher_is_better=higher
        )


def _positions(scores: pd.DataFrame) -> dict[tuple[object, ...], list[int]]:
    """The rows of each setting and metric."""
    positions: dict[tuple[object, ...], list[int]] = {}
    for position, key in enumerate(zip(*(scores[name] for name in [*SETTING, *METRIC]), strict=True)):
        positions.setdefault(key, []).append(position)
    return positions


def _settings(suite: Suite) -> list[tuple[dict[str, object], int]]:
    """The columns that name each setting of the suite, in its order, and how many trials it has."""
    named: dict[tuple[object, ...], dict[str, object]] = {}
    counts: Counter[tuple[object, ...]] = Counter()
    for trial in suite.trials:
        columns = trial_columns(suite, trial)
        del columns["trial"]
        key = tuple(columns[name] for name in SETTING)
        named.setdefault(key, columns)
        counts[key] += 1
    return [(columns, counts[key]) for key, columns in named.items()]


def _summary(group: Mapping[str, np.ndarray], trials: int) -> dict[str, object]:
    """The columns that summarise the scores of so many trials, of which some may not be done."""
    ok = group["status"] == "ok"
    values = group["score"][ok].astype(float)
    inapplicable = int((group["status"] == "not-applicable").sum())
    status = "ok" if len(values) else "not-applicable" if inapplicable else "failed" if len(ok) else "missing"
    better = [bool(value) for value in group["higher_is_better"] if pd.notna(value)]
    low, high = t_interval(values)
    return {
        "higher_is_better": better[0] if better else None,
        "status": status,
        "reason": "; ".join(dict.fromkeys(group["reason"][~ok])),
        "n": len(values),
        "failed": len(ok) - len(values) - inapplicable,
        "pending": trials - len(ok),
        "mean": values.mean() if len(values) else None,
        "std": values.std(ddof=1) if len(values) > 1 else None,
        "ci_low": low,
        "ci_high": high,
    }


def t_interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """The 95 % t interval of a mean; (None, None) for fewer than two values."""
    n = len(values)
    if n < 2:
        return None, None
    half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / np.sqrt(n)
    return float(values.mean() - half), float(values.mean() + half)


def _with_ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Rank means within each dataset and metric, 1 is best; equal means share the better rank."""
    sign = np.where(table["higher_is_better"].eq(False), 1.0, -1.0)
    signed: pd.Series[float] = table["mean"] * sign
    ranks: pd.Series[float] = signed.groupby([table[name] for name in ["dataset", *METRIC]], sort=False).rank(
        method="min"
    )
    return table.assign(rank=ranks.astype("Int64"))
