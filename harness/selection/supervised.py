"""The selectors `supervised:METRIC` and `by:METRIC`: the best by any registered metric, with labels and without."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import NotApplicableError, UserError
from harness.evaluation import Evaluation
from harness.metric import Metric
from harness.results.result import Result
from harness.selector import PointwiseSelector, Selector
from harness.suite.trial import Choice, score_key

LABELS = {"factors", "labels"}
"""What a metric that sees labels needs of a dataset."""


class Supervised(PointwiseSelector):
    """Chooses by a metric, which sees the ground truth. `supervised` makes the subclass of each metric."""

    metric: ClassVar[type[Metric]]

    def labels_seen(self) -> str:
        """Whether the metric sees the labels of all images, or none."""
        return "all" if LABELS & set(self.metric.needs) else "none"

    def compare(self, pool: Sequence[Evaluation]) -> NDArray[np.float64]:
        """Each model's score, with its sign turned where smaller is better; NaN where the metric does not apply."""
        metric = self.metric(self.config)
        return np.array([signed(metric, value_of(metric, evaluation)) for evaluation in pool])


def supervised(metric: type[Metric]) -> type[Supervised]:
    """The selector that chooses the best model by a metric; it has the metric's settings."""
    members = {
        "__doc__": f"The best by {metric.__name__}, which sees the ground truth: what labels would choose.\n\n"
        "The metric's own settings apply. No selector without labels can do better by the same metric.",
        "__module__": __name__,
        "metric": metric,
        "Config": metric.Config,
        "source": metric.source,
        "needs": metric.needs,
    }
    return type(f"Supervised{metric.__name__}", (Supervised,), members)


def by(metric: type[Metric]) -> type[Supervised]:
    """The selector that chooses the best model by a metric that sees no labels, such as a loss.

    Raises:
        UserError: the metric sees them.
    """
    if seen := LABELS & set(metric.needs):
        raise UserError(f"its metric sees {' and '.join(sorted(seen))}; choose supervised:METRIC")
    members = {
        "__doc__": f"The best by {metric.__name__}, which sees no labels.\n\nThe metric's own settings apply.",
        "__module__": __name__,
        "metric": metric,
        "Config": metric.Config,
        "source": metric.source,
        "needs": metric.needs,
    }
    return type(f"By{metric.__name__}", (Supervised,), members)


def signed(metric: Metric | type[Metric], value: float) -> float:
    """A metric's value so that larger is better."""
    return value if metric.higher_is_better else -value


def value_of(metric: Metric, evaluation: Evaluation) -> float:
    """A metric's value; NaN where it does not apply or is no number."""
    try:
        value = metric.score(evaluation).value
    except NotApplicableError:
        return np.nan
    return value if np.isfinite(value) else np.nan


def stored_comparisons(
    choice: Choice, selector: Selector, results: Iterable[Result | None], seed: int
) -> NDArray[np.float64] | None:
    """What `Supervised.compare` would find, from scores that the trials already have.

    Args:
        choice: the selector's choice.
        selector: the selector of that choice; only a `Supervised` one has comparisons that are stored.
        results: the results of the pool's trials.
        seed: the evaluation's seed.

    Returns:
        The comparisons, or None if a trial has no such score.
    """
    if not isinstance(selector, Supervised):
        return None
    key = score_key(replace(choice, name=choice.name.partition(":")[2]), seed)
    values = []
    for result in results:
        found = [record for record in (result.scores if result else ()) if record.key == key]
        if not found or found[0].status == "failed":
            return None
        value = found[0].score
        values.append(np.nan if value is None else signed(selector.metric, value))
    return np.array(values)
