"""The tables of selections: every selector judged on every pool of a results folder by every metric."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from harness.errors import UserError, in_a_line
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.results.schema import SELECTIONS, SELECTOR_DIFFERENCES, SELECTOR_SCORES
from harness.selection import guard
from harness.selection.differences import JudgedPool, regret_differences
from harness.selection.judge import RESAMPLES, ComparedPool, judge
from harness.selection.record import ComparisonRecord, read_comparison
from harness.selector import Selector, several_kinds
from harness.suite.build import build_selector
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial

logger = logging.getLogger(__name__)

EVERY = "all"
"""The pool of every label's trials."""


def compared_together(selector: Selector, kinds: Mapping[str, str], trials: Sequence[Trial]) -> list[list[str]]:
    """Divide trials into sets that a selector compares, each of one kind: all of a kind together, or pool by pool.

    Args:
        selector: which may need each pool by itself (`Selector.complete`).
        kinds: those of the trials that can be compared.
        trials: all trials.
    """
    members = [trial for trial in trials if trial.id in kinds]
    if selector.complete:
        groups = [[trial.id for trial in members if kinds[trial.id] == kind] for kind in dict.fromkeys(kinds.values())]
        return [group for group in groups if len(group) > 1]
    return [pool for _, pool in _pools(members) if len({kinds[member] for member in pool}) == 1]


def selection_tables(
    folder: ResultsFolder, suite: Suite, finished: Sequence[Trial], scores: pd.DataFrame, registry: Registry
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Judge every selector on every pool by every metric.

    Pools are all trials together and, where a suite has several, those of each label.

    Returns:
        The tables `harness.results.schema.SELECTIONS`, `SELECTOR_SCORES` and `SELECTOR_DIFFERENCES`.
    """
    judged: list[dict[str, Any]] = []
    scored: list[dict[str, Any]] = []
    compared: dict[_PoolKey, list[JudgedPool]] = {}
    trials = {trial.id: trial for trial in finished}
    for choice in suite.selectors:
        found = read_comparison(folder, choice, finished, suite.evaluation_seed)
        if found is None:
            continue
        for pool, members in _judged_pools(found, finished):
            columns = {
                "suite": suite.name,
                "dataset": trials[members[0]].dataset.name,
                "pool": pool,
                "selector": choice.name,
                "selector_settings": json.dumps(dict(choice.config)),
                "labels_seen": _labels_seen(registry, choice),
            }
            if reason := several_kinds(found.kinds[member] for member in members):
                judged += _unjudged_rows(columns, members, scores, "not-applicable", reason)
                continue
            try:
                within = _within(_compared(_selector(registry, choice), found), members)
                if within is None or not within.chosen:
                    continue
                rows = list(_judge_by_metrics(within, scores))
                own = (columns["suite"], columns["dataset"], pool)
                for metric, each in _judged_pools_of(within, scores, choice):
                    compared.setdefault((*own, *metric), []).append(each)
            except guard.SelectorError as error:
                judged += _unjudged_rows(columns, members, scores, "failed", str(error))
                continue
            scored += [
                {**columns, "trial": member, "title": trials[member].title, "selector_score": float(score)}
                for member, score in zip(members, within.scores, strict=True)
            ]
            judged += [{**columns, **row, "chosen": trials[row["trial"]].title if row["trial"] else ""} for row in rows]
    names = [column.name for column in SELECTOR_DIFFERENCES[:5]]
    differences = [
        {**dict(zip(names, key, strict=True)), **row}
        for key, each in compared.items()
        for row in regret_differences(each, RESAMPLES)
    ]
    return _table(judged, SELECTIONS), _table(scored, SELECTOR_SCORES), _table(differences, SELECTOR_DIFFERENCES)


_PoolKey = tuple[str, str, str, str, str]
"""The suite, dataset, pool, metric and the metric's settings."""


def _judged_pools_of(
    pool: ComparedPool, scores: pd.DataFrame, choice: Choice
) -> Iterator[tuple[tuple[str, str], JudgedPool]]:
    """A pool beside each metric that scored two of its trials or more, for a selector that chooses from any part."""
    for columns, truth, sign in _truths(pool.trials, scores) if pool.selector.complete else ():
        scored = truth.index.tolist()
        own = pool if scored == pool.trials else pool.among(scored)
        if own.chosen:
            settings = json.dumps(dict(choice.config))
            judged = JudgedPool(choice.name, settings, own, sign * truth.to_numpy())
            yield (columns["metric"], columns["metric_settings"]), judged


def _selector(registry: Registry, choice: Choice) -> Selector:
    """The selector of a choice; what its constructor raises is a failure of its own."""
    try:
        return build_selector(registry, choice)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # A selector may raise anything.
        raise guard.SelectorError(in_a_line(error)) from error


def _labels_seen(registry: Registry, choice: Choice) -> str:
    """What a selector sees of labels; "" where it cannot be made."""
    try:
        return _selector(registry, choice).labels_seen()
    except guard.SelectorError:
        return ""


def _compared(selector: Selector, found: ComparisonRecord) -> list[ComparedPool]:
    """The sets of trials that a record compares, each as a pool of the selector."""
    return [
        ComparedPool(selector, part.trials, guard.checked_comparisons(selector, part.comparisons, len(part.trials)))
        for part in found.compared
    ]


def _judged_pools(found: ComparisonRecord, finished: Sequence[Trial]) -> Iterator[tuple[str, list[str]]]:
    """The pools of the trials that a selector did not leave out; none if it failed."""
    if not found.failed:
        yield from _pools([t for t in finished if t.id in found.kinds and t.id not in found.left_out])


def _within(compared: Sequence[ComparedPool], members: Sequence[str]) -> ComparedPool | None:
    """The comparison of a pool: its own, or part of a complete one."""
    for comparison in compared:
        if set(members) == set(comparison.trials):
            return comparison.among(members)
        if comparison.selector.complete and set(members) < set(comparison.trials):
            return comparison.among(members)
    return None


def selection_notes(folder: ResultsFolder, suite: Suite, finished: Sequence[Trial]) -> list[str]:
    """What the tables do not say: trials that a selector left out, and selectors that chose nothing, a line each."""
    notes = []
    for choice in suite.selectors:
        found = read_comparison(folder, choice, finished, suite.evaluation_seed)
        if found is None:
            notes.append(f"{choice.name} has not compared these {len(finished)} trials; `harness run` lets it")
        elif found.failed:
            notes.append(f"{choice.name} failed: {found.failed}")
        else:
            counts = Counter(found.left_out.values())
            notes += [f"{choice.name} left out {n} of {len(finished)} trials: {reason}" for reason, n in counts.items()]
            for pool, members in _judged_pools(found, finished):
                if reason := several_kinds(found.kinds[member] for member in members):
                    notes.append(f"{choice.name} does not apply to the pool '{pool}': {reason}")
    return list(dict.fromkeys(notes))


def _table(rows: list[dict[str, Any]], columns: Sequence[Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[column.name for column in columns])


def _pools(trials: Sequence[Trial]) -> Iterator[tuple[str, list[str]]]:
    """Pools of at least two trials: all, then each label's; that of a label "all" is told apart."""
    labels = list(dict.fromkeys(trial.label for trial in trials))
    pools = [(EVERY, [trial.id for trial in trials])] if len(labels) > 1 else []
    for label in labels:
        name = f"label {label}" if pools and label == EVERY else label
        pools.append((name, [trial.id for trial in trials if trial.label == label]))
    return (pool for pool in pools if len(pool[1]) > 1)


def _truths(members: Sequence[str], scores: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.Series, float]]:
    """For each metric that scored two trials of a pool or more: its columns, their scores, and -1 if less is better."""
    for (metric, settings), rows in scores.groupby(["metric", "metric_settings"], sort=False):
        usable = rows[rows["status"].eq("ok") & rows["trial"].isin(members)].set_index("trial")["score"]
        pool = [trial for trial in members if trial in usable.index]
        if len(pool) > 1:
            sign = 1.0 if rows["higher_is_better"].dropna().iloc[0] else -1.0
            yield {"metric": metric, "metric_settings": settings}, usable[pool], sign


def _unjudged_rows(
    columns: Mapping[str, Any], members: Sequence[str], scores: pd.DataFrame, status: str, reason: str
) -> list[dict[str, Any]]:
    """The rows of a pool from which a selector chose nothing, one for each metric."""
    return [{**columns, **_unjudged(*truth, status, reason)} for truth in _truths(members, scores)]


def _unjudged(columns: Mapping[str, Any], truth: pd.Series, sign: float, status: str, reason: str) -> dict[str, Any]:
    """Make the row of a metric for a selector that chose nothing from a pool."""
    known = {"pool_size": len(truth), "mean": truth.mean(), "best": sign * (sign * truth).max()}
    empty = {"cross_evaluations": 0, "trial": "", "chosen": ""}
    return {**columns, "status": status, "reason": reason, **known, **empty}


def _judge_by_metrics(pool: ComparedPool, scores: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of a pool, one for each metric that scored two of its trials or more."""
    for columns, truth, sign in _truths(pool.trials, scores):
        scored = truth.index.tolist()
        if scored != pool.trials and not pool.selector.complete:
            reason = f"{len(pool.trials) - len(scored)} of the trials that were compared have no such score"
            yield _unjudged(columns, truth, sign, "not-applicable", reason)
            continue
        judged = pool if scored == pool.trials else pool.among(scored)
        if judged.chosen:
            yield {**columns, "status": "ok", "reason": "", **judge(judged, truth.to_numpy(), sign)}
