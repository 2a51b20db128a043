"""The tables of selections: every selector judged on every pool of a results folder by every metric."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import DamagedFileError
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.results.schema import SELECTIONS, SELECTOR_SCORES
from harness.selection.judge import Comparison, judge
from harness.storage.records import read_json
from harness.suite.build import make_selector
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial, digest

logger = logging.getLogger(__name__)


def comparison_key(selector: Choice, trials: Sequence[Trial], seed: int) -> str:
    """Names one selector's comparison of one set of trained models by its content."""
    return digest([selector.to_json(), sorted(trial.id for trial in trials), seed])


def read_comparison(folder: ResultsFolder, choice: Choice, trials: Sequence[Trial], seed: int) -> dict[str, Any] | None:
    """What `harness.execution.worker.comparison` wrote, or None if it has not, or if that is damaged, which is said."""
    try:
        return read_json(folder.comparison(comparison_key(choice, trials, seed)))
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        logger.warning("%s", error)
        return None


def selection_tables(
    folder: ResultsFolder, suite: Suite, finished: Sequence[Trial], scores: pd.DataFrame, registry: Registry
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge every selector on every pool by every metric.

    Pools are all trials together and, where a suite has several, those of each label.

    Returns:
        The tables `harness.results.schema.SELECTIONS` and `SELECTOR_SCORES`.
    """
    judged: list[dict[str, Any]] = []
    scored: list[dict[str, Any]] = []
    trials = {trial.id: trial for trial in finished}
    for choice in suite.selectors:
        found = read_comparison(folder, choice, finished, suite.evaluation_seed)
        if found is None or found["comparisons"] is None:
            continue
        selector = make_selector(registry, choice)
        comparison = Comparison(selector, found["trials"], np.array(found["comparisons"], dtype=float))
        for pool, members in _pools([trials[name] for name in comparison.trials]):
            columns = {
                "suite": suite.name,
                "dataset": trials[members[0]].dataset.name,
                "pool": pool,
                "selector": choice.name,
                "selector_settings": json.dumps(dict(choice.config)),
            }
            within = comparison.among(members)
            if within.chosen is None:
                continue
            pairs = zip(members, within.scores, strict=True)
            scored += [
                {**columns, "trial": m, "title": trials[m].title, "selector_score": float(score)} for m, score in pairs
            ]
            judged += [
                {**columns, **row, "chosen": trials[row["trial"]].title} for row in _judge_by_metrics(within, scores)
            ]
    return _table(judged, SELECTIONS), _table(scored, SELECTOR_SCORES)


def selection_notes(folder: ResultsFolder, suite: Suite, finished: Sequence[Trial]) -> list[str]:
    """What the tables do not say: trials that a selector left out, and selectors that chose nothing, a line each."""
    notes = []
    for choice in suite.selectors:
        found = read_comparison(folder, choice, finished, suite.evaluation_seed)
        if found is None:
            notes.append(f"{choice.name} has not compared these {len(finished)} trials; `harness run` lets it")
        elif found["failed"]:
            notes.append(f"{choice.name} failed: {found['failed']}")
        else:
            counts = Counter(found["left_out"].values())
            notes += [f"{choice.name} left out {n} of {len(finished)} trials: {reason}" for reason, n in counts.items()]
    return notes


def _table(rows: list[dict[str, Any]], columns: Sequence[Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[column.name for column in columns])


def _pools(trials: Sequence[Trial]) -> Iterator[tuple[str, list[str]]]:
    """Pools of at least two trials: all, then each label's."""
    labels = list(dict.fromkeys(trial.label for trial in trials))
    pools = [("all", [trial.id for trial in trials])] if len(labels) > 1 else []
    pools += [(label, [trial.id for trial in trials if trial.label == label]) for label in labels]
    return (pool for pool in pools if len(pool[1]) > 1)


def _judge_by_metrics(comparison: Comparison, scores: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (metric, settings), rows in scores.groupby(["metric", "metric_settings"], sort=False):
        usable = rows[rows["status"].eq("ok") & rows["trial"].isin(comparison.trials)].set_index("trial")["score"]
        pool = [trial for trial in comparison.trials if trial in usable.index]
        if len(pool) < 2:
            continue
        judged = comparison if pool == comparison.trials else comparison.among(pool)
        if judged.chosen is None:
            continue
        sign = 1.0 if rows["higher_is_better"].dropna().iloc[0] else -1.0
        yield {"metric": metric, "metric_settings": settings, **judge(judged, usable[pool].to_numpy(), sign)}
