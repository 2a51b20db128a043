"""The contract of a metric on samples."""

from typing import ClassVar

from harness.metric import Metric
from harness.scoring.model_evaluation import ModelEvaluation


class SampleMetric(Metric[ModelEvaluation]):
    """Base class of a metric that asks a model for more than its codes: for samples, reconstructions, posteriors.

    `needs` names at least one ability that only models have, so no table of codes is ever given to it.
    """

    needs: ClassVar[tuple[str, ...]] = ("generate",)
