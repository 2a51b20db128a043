"""The selectors `few-labels:METRIC`: what a few labelled images would choose, labelled well or not so well."""

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import create_model

from harness.config import Field, Settings
from harness.data.factor_table import FactorTable
from harness.errors import NotApplicableError, UserError
from harness.evaluation import Evaluation, TableEvaluation
from harness.factors import FactorGrid, Indices
from harness.metric import Metric
from harness.selection.supervised import signed, value_of
from harness.selector import PointwiseSelector

BINS = 5
"""Levels that an imprecise label tells apart at most."""
MISTAKES = 0.1
"""How often a noisy label is any."""
KNOWN = 2
"""Factors that partial labels are of."""


class FewLabelsSettings(Settings):
    """What is labelled, beside the metric's own settings."""

    labelled_images: int = Field(100, gt=9, description="images that are labelled, the same ones for every model")
    labelling: Literal["exact", "binned", "noisy", "partial"] = Field(
        "exact",
        description="how well; binned: factors of more than 5 levels are told to 5 parts of their range; noisy: one "
        "label in 10 is any level; partial: two factors only, drawn at random",
    )


class FewLabels(PointwiseSelector):
    """Chooses by a metric computed on a few labelled images. `few_labels` makes the subclass of each metric."""

    metric: ClassVar[type[Metric]]

    def labels_seen(self) -> str:
        """How many images are labelled."""
        return f"{self._settings.labelled_images:,}"

    @property
    def _settings(self) -> FewLabelsSettings:
        return cast("FewLabelsSettings", self.config)

    def compare(self, pool: Sequence[Evaluation]) -> NDArray[np.float64]:
        """Each model's score on the labelled images, larger being better; NaN where the metric does not apply.

        Raises:
            NotApplicableError: there are fewer images than are to be labelled.
        """
        metric = self.metric(self.config)
        return np.array([signed(metric, value_of(metric, self.labelled(evaluation))) for evaluation in pool])

    def labelled(self, evaluation: Evaluation) -> TableEvaluation:
        """A model's codes of the labelled images, beside their labels.

        A metric that fits and tests something fits it to nine tenths of the images, one that does not sees these too.

        Raises:
            NotApplicableError: there are fewer images than are to be labelled.
        """
        count = self._settings.labelled_images
        if count > evaluation.size:
            raise NotApplicableError(f"there are {evaluation.size} images, and {count} are to be labelled")
        rng = evaluation.rng("few labels", count)
        images = rng.choice(evaluation.size, count, replace=False).astype(np.int64)
        train, test = np.split(np.arange(count, dtype=np.int64), [-(-count * 9 // 10)])
        fixed = {"train_index": train, "test_index": test, "sample_index": train, "variance_index": train}
        labels = self._labels(evaluation.grid(), images, rng)
        return TableEvaluation(evaluation.codes(images), labels, fixed=fixed, seed=evaluation.seed)

    def _labels(self, factors: FactorGrid, images: Indices, rng: np.random.Generator) -> FactorTable:
        """What the labels say of images at indices (n,)."""
        levels, sizes = factors.ids(images), np.array(factors.sizes)
        kept = list(range(len(sizes)))
        match self._settings.labelling:
            case "binned":
                levels = np.where(sizes > BINS, np.minimum((levels * BINS) // sizes, BINS - 1), levels)
                sizes = np.minimum(sizes, BINS)
            case "noisy":
                levels = np.where(rng.random(levels.shape) < MISTAKES, rng.integers(0, sizes, levels.shape), levels)
            case "partial":
                kept = sorted(rng.choice(len(sizes), min(KNOWN, len(sizes)), replace=False).tolist())
        coarser = self._settings.labelling == "binned"
        return FactorTable(
            [factors.names[f] for f in kept],
            sizes[kept].tolist(),
            [np.arange(sizes[f]) if coarser else factors.values[f] for f in kept],
            [factors.categorical[f] for f in kept],
            levels[:, kept],
        )


def few_labels(metric: type[Metric]) -> type[FewLabels]:
    """The selector that chooses by a metric on a few labelled images; it has the metric's settings beside its own.

    Raises:
        UserError: the metric asks for no factors, or for more of a model than codes.
    """
    if not {"factors"} <= set(metric.needs) <= {"factors", "encode"}:
        raise UserError(f"few-labels: {metric.__name__} is no metric of codes and factors")
    members = {
        "__doc__": f"The best by {metric.__name__} on a few labelled images, as in Locatello et al. (2020).\n\n"
        "The practical rival of selectors that see no labels. The metric's own settings apply; what it draws are the "
        "labelled images, whatever number of points they ask for.",
        "__module__": __name__,
        "metric": metric,
        "Config": create_model("Config", __base__=(metric.Config, FewLabelsSettings)),
        "source": "Locatello et al. 2020, Disentangling Factors of Variations Using Few Labels, arXiv:1905.01258",
        "needs": metric.needs,
    }
    return type(f"FewLabels{metric.__name__}", (FewLabels,), members)
