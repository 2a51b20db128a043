"""What trials are worth by the aim of a search, read from a results folder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import UserError, nearest
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table
from harness.results.result import Outcome, Result
from harness.selection import guard
from harness.selection.record import read_comparison
from harness.selection.supervised import LABELS, signed
from harness.selector import several_kinds
from harness.suite.adaptive import Values
from harness.suite.aim import Aim
from harness.suite.build import build_selector
from harness.suite.resolve import resolve_class
from harness.suite.trial import Choice, Trial, score_key


@dataclass(frozen=True)
class Missing:
    """What there has to be before it is known what trials are worth.

    Attributes:
        selector: that is to compare the trials; None where trials have yet to end.
        trials: those that it is to compare.
    """

    selector: Choice | None = None
    trials: Sequence[Trial] = ()


def labels_seen(aim: Aim, registry: Registry) -> str:
    """What an aim sees of labels: "none", "all", or how many images are labelled."""
    if aim.choice is None:
        return "none"
    if aim.kind == "selector":
        return build_selector(registry, aim.choice).labels_seen()
    metric, _ = resolve_class(registry, "metrics", aim.choice)
    return "all" if LABELS & set(metric.needs) else "none"


def worth(
    aim: Aim,
    trials: Sequence[Trial],
    folder: ResultsFolder,
    registry: Registry,
    seed: int,
    *,
    retry_failed: bool = False,
) -> Values | Missing:
    """What trials are worth by an aim, larger being better; NaN for those that failed. Or what is missing to know it.

    Args:
        aim: a metric, a selector, which compares all of the trials with each other, or a training loss.
        trials: those of a round.
        folder: where their results are.
        registry: where metrics and selectors are found.
        seed: of the evaluation.
        retry_failed: whether a comparison that failed is missing, so that it is made again.

    Raises:
        UserError: the selector cannot rank the trials, or there is no such loss.
    """
    results = {trial.id: result for trial, result in folder.results(trials) if result is not None}
    if len(results) < len(trials):
        return Missing()
    finished = [trial for trial in trials if results[trial.id].outcome is Outcome.FINISHED]
    found: Values | Missing
    if aim.kind == "metric":
        found = _by_metric(aim, finished, results, registry, seed)
    elif aim.kind == "loss":
        found = {trial.id: _by_loss(aim, folder, trial) for trial in finished}
    else:
        found = _by_selector(aim, finished, folder, registry, seed, retry_failed)
    return found if isinstance(found, Missing) else {trial.id: found.get(trial.id, math.nan) for trial in trials}


def _by_metric(
    aim: Aim, trials: Sequence[Trial], results: dict[str, Result], registry: Registry, seed: int
) -> Values | Missing:
    choice = _choice(aim)
    metric, _ = resolve_class(registry, "metrics", choice)
    key = score_key(choice, seed)
    values = {}
    for trial in trials:
        record = next((record for record in results[trial.id].scores if record.key == key), None)
        if record is None:
            return Missing()
        values[trial.id] = math.nan if record.score is None else signed(metric, record.score)
    return values


def _by_loss(aim: Aim, folder: ResultsFolder, trial: Trial) -> float:
    history = read_table(folder.trial(trial.id).history)
    terms = [str(name) for name in history.columns if "/" in str(name)]
    if aim.name not in terms:
        raise UserError(f"{aim.place}: {trial.label} has no loss term '{aim.name}'; {nearest(aim.name, terms)}")
    return -float(history[aim.name].iloc[-1])


def _by_selector(
    aim: Aim, trials: Sequence[Trial], folder: ResultsFolder, registry: Registry, seed: int, retry_failed: bool
) -> Values | Missing:
    choice = _choice(aim)
    if len(trials) < 2:  # There is nothing to compare.
        return {trial.id: 0.0 for trial in trials}
    record = read_comparison(folder, choice, trials, seed)
    if record is None or (retry_failed and record.failed):
        return Missing(choice, trials)
    left_out = next(iter(record.left_out.values()), "it compared none of them")
    failed = record.failed and f"{record.failed}; --retry-failed tries again"
    reason = failed or several_kinds(record.kinds.values()) or ("" if record.compared else left_out)
    if reason:
        raise UserError(f"{aim.place}: {aim} cannot rank the {len(trials)} models of {trials[0].label}: {reason}")
    (compared,) = record.compared
    selector = build_selector(registry, choice)
    try:
        comparisons = guard.checked_comparisons(selector, compared.comparisons, len(compared.trials))
        scores = guard.scores(selector, comparisons)
    except guard.SelectorError as error:
        raise UserError(f"{aim.place}: {aim} cannot rank the models: {error}") from None
    return dict(zip(compared.trials, np.asarray(scores, dtype=float).tolist(), strict=True))


def _choice(aim: Aim) -> Choice:
    if aim.choice is None:
        raise ValueError(f"{aim} is no metric and no selector")
    return aim.choice
