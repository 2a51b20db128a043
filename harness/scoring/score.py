"""Scoring one trained trial: every metric becomes one record, whatever happens to the others."""

import math
import traceback
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any, Literal

import numpy as np

from harness.errors import NotApplicableError, in_a_line
from harness.evaluation import Evaluation
from harness.metric import Metric
from harness.registry import Registry
from harness.results.result import ScoreRecord
from harness.suite.build import make_metric
from harness.suite.trial import Choice, score_key


def score(
    evaluation: Evaluation,
    metrics: Iterable[Choice],
    registry: Registry,
    report: Callable[[str], None] = lambda metric: None,
) -> list[ScoreRecord]:
    """Score one subject with each metric; an error in one is recorded and leaves the others alone."""
    records = []
    for choice in metrics:
        report(choice.name)
        records.append(_score_one(evaluation, choice, make_metric(registry, choice)))
    return records


def _score_one(evaluation: Evaluation, choice: Choice, metric: Metric) -> ScoreRecord:
    started = monotonic()

    def record(status: Literal["ok", "not-applicable", "failed"], **found: Any) -> ScoreRecord:
        return ScoreRecord(
            key=score_key(choice, evaluation.seed),
            metric=choice.name,
            settings=dict(choice.config),
            version=choice.version,
            higher_is_better=metric.higher_is_better,
            status=status,
            seconds=monotonic() - started,
            evaluation_seed=evaluation.seed,
            **found,
        )

    if reason := evaluation.lacks(metric.needs):
        return record("not-applicable", reason=reason)
    try:
        result = metric.score(evaluation)
    except NotApplicableError as error:
        return record("not-applicable", reason=str(error))
    except MemoryError:
        raise
    except Exception as error:  # A metric may raise anything; it must not cost the other scores.
        return record("failed", reason=in_a_line(error), traceback=traceback.format_exc())
    if not math.isfinite(result.value):
        return record("failed", reason=f"the score is {result.value}", details=plain(result.details))
    return record("ok", score=float(result.value), details=plain(result.details))


def plain(value: Any) -> Any:
    """Arrays, NumPy numbers and tuples as JSON data; numbers that JSON does not have become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
