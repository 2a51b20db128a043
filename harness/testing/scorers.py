"""What every metric and every selector must do, on codes that are easy and on codes that are hard."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.config import Settings, parse
from harness.errors import NotApplicableError
from harness.evaluation import REASONS, Codes, Evaluation, TableEvaluation
from harness.metric import Metric, Score
from harness.model import ImageSpec, build
from harness.rng import Rng
from harness.scoring.model_evaluation import ModelEvaluation
from harness.scoring.score import checked_details, checked_value, outside
from harness.seeds import numpy_rng
from harness.selector import PointwiseSelector, Selector
from harness.testing.check import require, require_words, unmoved
from harness.testing.pictures import Squares
from harness.testing.tiny_model import TinyVAE

HELD_OUT = 20
"""Of the 108 pictures."""


@dataclass(frozen=True)
class MetricSubject:
    """A metric and something to score."""

    metric: Metric
    pictures: Squares

    @classmethod
    def of(cls, metric_class: type[Metric], settings: Mapping[str, object], image: ImageSpec) -> "MetricSubject":
        """A subject.

        Raises:
            UserError: a setting is wrong.
        """
        metric = metric_class(parse(metric_class.Config, settings, metric_class.__name__))
        return cls(metric, loaded(image))


@dataclass(frozen=True)
class SelectorSubject:
    """A selector and models to choose from."""

    selector: Selector
    pictures: Squares

    @classmethod
    def of(cls, selector_class: type[Selector], settings: Mapping[str, object], image: ImageSpec) -> "SelectorSubject":
        """A subject.

        Raises:
            UserError: a setting is wrong.
        """
        selector = selector_class(parse(selector_class.Config, settings, selector_class.__name__))
        return cls(selector, loaded(image))

    def pool(self) -> list[Evaluation]:
        """Make four untrained models that differ in their seed alone, as evaluations."""
        return [evaluation_of(self.pictures, seed) for seed in range(4)]


def loaded(image: ImageSpec) -> Squares:
    """Make a dataset of pictures of this shape and load it."""
    pictures = Squares(image)
    pictures.load()
    return pictures


def evaluation_of(pictures: Squares, seed: int) -> ModelEvaluation:
    """An untrained model that can do everything, beside the pictures, some of which are held out."""
    model = build(TinyVAE, Settings(), pictures.image, Rng(seed))
    return ModelEvaluation(model, pictures, held_out=HELD_OUT)


def hard_codes(pictures: Squares) -> dict[str, Codes]:
    """Tables of codes (N, D) on which definitions tend to divide by zero."""
    noise = numpy_rng("hard codes").normal(size=(len(pictures), 3)).astype(np.float32)
    dead = np.zeros_like(noise)
    return {
        "codes one of which is dead": np.concatenate([noise[:, :2], dead[:, :1]], axis=1),
        "constant codes": dead,
        "a single code": noise[:, :1],
        "two equal codes": np.repeat(noise[:, :1], 2, axis=1),
    }


def metric_says_what_it_is(subject: MetricSubject) -> None:
    """The class and its settings are described, and what it needs is known."""
    require_words(type(subject.metric), type(subject.metric).Config)
    unknown = [need for need in subject.metric.needs if need not in REASONS]
    require(not unknown, f"`needs` names {', '.join(unknown)}; choose from: {', '.join(REASONS)}")


def gives_a_finite_score(subject: MetricSubject) -> None:
    """A model gets a finite score, with details that are plain data."""
    score = _scored(subject.metric, evaluation_of(subject.pictures, 0))
    if score is None:
        return
    require(np.isfinite(score.value), f"the score of an untrained model is {score.value}; define that case")
    reason = outside(score.value, subject.metric.range)
    require(not reason, f"{reason}: state the `range` of the metric")
    try:
        checked_details(score.details)
    except TypeError as error:
        require(False, f"keep `details` to texts, numbers, lists, arrays and dicts of them: {error}")


def scores_repeatably(subject: MetricSubject) -> None:
    """The same model gets the same score again."""
    first = _scored(subject.metric, evaluation_of(subject.pictures, 0))
    again = _scored(subject.metric, evaluation_of(subject.pictures, 0))
    if first is not None and again is not None:
        require(
            first.value == again.value,
            f"the scores of one model are {first.value} and {again.value}: take random numbers from `evaluation.rng`",
        )


def defines_hard_cases(subject: MetricSubject) -> None:
    """Dead, constant, single and equal codes get a finite score, or do not apply with a reason."""
    for name, codes in hard_codes(subject.pictures).items():
        table = TableEvaluation(codes.copy(), subject.pictures.factors)
        if table.lacks(subject.metric.needs):
            return
        score = _scored(subject.metric, table)
        value = 0.0 if score is None else score.value
        require(np.isfinite(value), f"the score of {name} is {value}: define it, or raise NotApplicableError")
        reason = "" if score is None else outside(value, subject.metric.range)
        require(not reason, f"{name}: {reason}: state the `range` of the metric")
        require(np.array_equal(table.table, codes), f"the codes are changed on the way ({name}): work on a copy")


def _scored(metric: Metric, evaluation: Evaluation) -> Score | None:
    try:
        score = unmoved(metric.score, evaluation)
    except NotApplicableError:
        return None
    require(isinstance(score, Score), f"return Score(value) from `score`, not {type(score).__name__}: {score!r:.40}")
    try:
        checked_value(score)
    except (TypeError, OverflowError) as error:
        require(False, str(error))
    return score


def selector_says_what_it_is(subject: SelectorSubject) -> None:
    """The class and its settings are described, and what it needs is known."""
    require_words(type(subject.selector), type(subject.selector).Config)
    unknown = [need for need in subject.selector.needs if need not in REASONS]
    require(not unknown, f"`needs` names {', '.join(unknown)}; choose from: {', '.join(REASONS)}")


def compares_and_scores(subject: SelectorSubject) -> None:
    """M models give (M, M) comparisons, or (M,) of a pointwise selector, and M scores, and so does a pair of them."""
    pool = subject.pool()
    comparisons = unmoved(subject.selector.compare, pool)
    pointwise = isinstance(subject.selector, PointwiseSelector)
    expected = (len(pool),) if pointwise else (len(pool), len(pool))
    require(comparisons.shape == expected, f"return {expected} comparisons from `compare`, not {comparisons.shape}")
    _require_scores(subject.selector.scores(comparisons), len(pool))
    if subject.selector.complete:
        _require_scores(subject.selector.scores(comparisons[:2] if pointwise else comparisons[:2, :2]), 2)


def _require_scores(scores: NDArray[np.float64], models: int) -> None:
    """NaN is for a model of which the comparisons say nothing, not for all."""
    good = scores.shape == (models,) and not np.isinf(scores).any() and not np.isnan(scores).all()
    require(good, f"return {models} scores from `scores` for a pool of {models} models, not {scores}")


def compares_repeatably(subject: SelectorSubject) -> None:
    """The same models are compared alike again."""
    first, again = subject.selector.compare(subject.pool()), subject.selector.compare(subject.pool())
    require(
        np.array_equal(first, again, equal_nan=True),
        "comparing the same models again gives other numbers: take random numbers from an evaluation's `rng`",
    )


METRIC_CHECKS = (metric_says_what_it_is, gives_a_finite_score, scores_repeatably, defines_hard_cases)
SELECTOR_CHECKS = (selector_says_what_it_is, compares_and_scores, compares_repeatably)
