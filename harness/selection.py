"""Judging selectors: is the model chosen without labels the one that labels would have chosen?"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.config import parse
from harness.plugins import Registry
from harness.seeds import numpy_rng
from harness.selector import Selector
from harness.store import ResultsFolder, read_json
from harness.suite import Suite
from harness.tables import SELECTIONS, SELECTOR_SCORES
from harness.trial import Choice, Trial, digest

RESAMPLES = 1000
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def comparison_key(selector: Choice, trials: Sequence[Trial], seed: int) -> str:
    """Names one selector's comparison of one set of trained models by its content."""
    return digest([asdict(selector), sorted(trial.id for trial in trials), seed])


@dataclass(frozen=True)
class Comparison:
    """A selector's comparison of every trial that it can compare."""

    choice: Choice
    selector: Selector
    trials: list[str]
    comparisons: Floats

    def among(self, members: Sequence[str]) -> "Comparison":
        """The same comparison of some of the trials, in the order given."""
        place = {trial: number for number, trial in enumerate(self.trials)}
        where = [place[member] for member in members]
        return replace(self, trials=list(members), comparisons=self.comparisons[np.ix_(where, where)])

    @cached_property
    def scores(self) -> Floats:
        """The selector's scores, (M,)."""
        return self.selector.scores(self.comparisons)

    @cached_property
    def resampled_choices(self) -> list[tuple[Integers, int]]:
        """The members of each resampled pool, drawn from the trials with replacement, and the one chosen.

        A trial drawn twice counts once; a pool of one leaves no choice.
        """
        rng = numpy_rng("resampled pools", self.choice.name, *self.trials)
        choices = []
        for _ in range(RESAMPLES):
            members = np.unique(rng.integers(len(self.trials), size=len(self.trials)))
            alone = len(members) < 2
            best = 0 if alone else int(np.argmax(self.selector.scores(self.comparisons[np.ix_(members, members)])))
            choices.append((members, int(members[best])))
        return choices


def make_selector(choice: Choice, registry: Registry) -> Selector:
    """The selector of a choice."""
    selector_class = registry.find("selectors", choice.name).load()
    made: Selector = selector_class(parse(selector_class.Config, choice.config, choice.name))
    return made


def read_comparison(folder: ResultsFolder, choice: Choice, trials: Sequence[Trial], seed: int) -> dict[str, Any] | None:
    """What `harness.execution.compare` wrote, or None if it has not."""
    try:
        return read_json(folder.comparison(comparison_key(choice, trials, seed)))
    except FileNotFoundError:
        return None


def selection_tables(
    folder: ResultsFolder, suite: Suite, finished: Sequence[Trial], scores: pd.DataFrame, registry: Registry
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge every selector on every pool by every metric.

    Pools are all trials together and, where a suite has several, those of each label.

    Returns:
        The tables `harness.tables.SELECTIONS` and `SELECTOR_SCORES`.
    """
    judged: list[dict[str, Any]] = []
    scored: list[dict[str, Any]] = []
    trials = {trial.id: trial for trial in finished}
    for choice in suite.selectors:
        found = read_comparison(folder, choice, finished, suite.evaluation_seed)
        if found is None or found["comparisons"] is None:
            continue
        selector = make_selector(choice, registry)
        comparison = Comparison(choice, selector, found["trials"], np.array(found["comparisons"], dtype=float))
        for pool, members in _pools([trials[name] for name in comparison.trials]):
            columns = {
                "suite": suite.name,
                "dataset": trials[members[0]].dataset.name,
                "pool": pool,
                "selector": choice.name,
                "selector_settings": json.dumps(dict(choice.config)),
            }
            within = comparison.among(members)
            pairs = zip(members, within.scores, strict=True)
            scored += [
                {**columns, "trial": m, "title": trials[m].title, "selector_score": float(score)} for m, score in pairs
            ]
            judged += [
                {**columns, **row, "chosen": trials[row["trial"]].title} for row in _judge_by_metrics(within, scores)
            ]
    return _table(judged, SELECTIONS), _table(scored, SELECTOR_SCORES)


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
        sign = 1.0 if rows["higher_is_better"].dropna().iloc[0] else -1.0
        yield {"metric": metric, "metric_settings": settings, **judge(judged, usable[pool].to_numpy(), sign)}


def judge(comparison: Comparison, truth: Floats, sign: float = 1.0) -> dict[str, Any]:
    """Compare a selector's choice with the ground truth.

    Args:
        comparison: the selector's comparison of a pool of two trials or more.
        truth: (M,) ground-truth scores of the pool.
        sign: 1 if larger truth is better, -1 if smaller.

    Returns:
        The columns of `harness.tables.SELECTIONS` from pool_size on. The interval of the regret is over
        pools resampled from the trials.
    """
    chosen = int(np.argmax(comparison.scores))
    value = sign * truth
    others = np.delete(value, chosen)
    regrets = [value[members].max() - value[choice] for members, choice in comparison.resampled_choices]
    low, high = np.quantile(regrets, [0.025, 0.975])
    return {
        "pool_size": len(truth),
        "trial": comparison.trials[chosen],
        "score": truth[chosen],
        "mean": truth.mean(),
        "best": sign * value.max(),
        "regret": value.max() - value[chosen],
        "regret_low": low,
        "regret_high": high,
        "rank_correlation": rank_correlation(comparison.scores, value),
        "beats_random": np.mean((value[chosen] > others) + 0.5 * (value[chosen] == others)),
    }


def rank_correlation(a: Floats, b: Floats) -> float | None:
    """Spearman's rank correlation; None where a side is constant."""
    from scipy import stats

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(stats.spearmanr(a, b).statistic)
