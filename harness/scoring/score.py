"""Scoring one trained trial: every metric becomes one record, whatever happens to the others."""

import json
import math
import traceback
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from numbers import Real
from time import monotonic
from typing import Any, Literal

import numpy as np

from harness.errors import NotApplicableError, in_a_line, is_stop
from harness.evaluation import Evaluation
from harness.metric import Metric, Score
from harness.registry import Registry
from harness.results.result import ScoreRecord
from harness.seeds import governed
from harness.storage.records import parse_plain
from harness.suite.build import build_metric
from harness.suite.trial import Choice, score_key

ROUNDING = 1e-6
"""How far beyond its metric's range a score may lie, for sums that end a little above 1 or below 0."""


def score_evaluation(
    evaluation: Evaluation,
    metrics: Iterable[Choice],
    registry: Registry,
    report: Callable[[str], None] = lambda metric: None,
) -> list[ScoreRecord]:
    """Score one subject with each metric; an error in one is recorded and leaves the others alone."""
    records = []
    for choice in metrics:
        report(choice.name)
        records.append(_score_one(evaluation, choice, registry))
    return records


def _score_one(evaluation: Evaluation, choice: Choice, registry: Registry) -> ScoreRecord:
    started = monotonic()
    metric_class: type[Metric] = Metric

    def record(status: Literal["ok", "not-applicable", "failed"], **found: Any) -> ScoreRecord:
        return ScoreRecord(
            key=score_key(choice, evaluation.seed),
            metric=choice.name,
            settings=dict(choice.config),
            version=choice.version,
            files=dict(choice.files),
            higher_is_better=metric_class.higher_is_better,
            status=status,
            seconds=monotonic() - started,
            evaluation_seed=evaluation.seed,
            **found,
        )

    # A metric may raise anything, return anything and run out of memory; it must not cost the other scores.
    try:
        metric_class = registry.find("metrics", choice.name).load()
        if reason := evaluation.lacks(metric_class.needs):
            return record("not-applicable", reason=reason)
        metric = build_metric(registry, choice)
        if reason := metric.missing():
            return record("not-applicable", reason=reason)
        with governed("evaluation", evaluation.seed, choice.name):
            result = metric.score(evaluation)
        value, details = checked_value(result), checked_details(result.details)
        if len(evaluation.code_groups) and "encode" in metric_class.needs:
            details["code_groups"] = _protocol(evaluation.code_groups)
    except NotApplicableError as error:
        return record("not-applicable", reason=str(error))
    except BaseException as error:
        if is_stop(error):
            raise
        return record("failed", reason=in_a_line(error), traceback=traceback.format_exc())
    if reason := outside(value, metric_class.range):
        return record("failed", reason=reason, details=details)
    return record("ok", score=value, details=details)


def _protocol(groups: Sequence[Hashable]) -> str:
    """How codes of several columns each were made one column each."""
    return f"first principal components of {len(set(groups))} groups of {len(groups)} columns"


def checked_value(result: object) -> float:
    """The number of what a metric returned.

    Raises:
        TypeError: it is no `Score`, or its value is no real number.
        OverflowError: it is larger than any float.
    """
    if not isinstance(result, Score):
        raise TypeError(f"a metric returns a Score, not {type(result).__name__}")
    value: Any = result.value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"the value of a Score is a number, not {type(value).__name__}")
    return float(value)


def checked_details(details: object) -> dict[str, Any]:
    """The details of a score as JSON data.

    Raises:
        TypeError: they are no mapping, or hold something that JSON does not have; the message says where.
    """
    if not isinstance(details, Mapping):
        raise TypeError(f"the details of a Score are a mapping of names to plain data, not {type(details).__name__}")
    found: dict[str, Any] = json_data(details)
    for name, value in found.items():
        try:
            # As deep as it will stand in a record, which could not be read again otherwise.
            parse_plain(json.dumps([[[[[[value]]]]]], allow_nan=False).encode())
        except (TypeError, ValueError) as error:
            raise TypeError(f"the detail '{name}' is no plain data: {error}") from None
    return found


def outside(value: float, allowed: tuple[float, float]) -> str:
    """Why a value is no score of a metric with this range, or "" if it is one."""
    if not math.isfinite(value):
        return f"the score is {value}"
    lowest, highest = allowed
    if lowest - ROUNDING <= value <= highest + ROUNDING:
        return ""
    return f"the score is {value:g}, which is outside of the metric's range from {lowest:g} to {highest:g}"


def json_data(value: Any) -> Any:
    """Arrays, NumPy numbers and tuples as JSON data; numbers that JSON does not have become None."""
    if isinstance(value, Mapping):
        return {str(key): json_data(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return json_data(value.tolist())
    if isinstance(value, list | tuple):
        return [json_data(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
