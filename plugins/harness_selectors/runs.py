"""Selectors by which a model is good if other runs, above all those of its own hyperparameters, found the same."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from harness import Evaluation, Field, Floats, Indices, NotApplicableError, Selector, Settings


class RunsCompared(Selector):
    """Base class: each model is compared with its partners, and its score is their median comparison with it.

    By default its partners are the models of equal hyperparameters and another seed, and then all models are ranked;
    one without such a partner has no score. `within = "pool"` compares every model with every other. Codes in a file
    are all compared, unless the file tells settings apart.
    """

    class Config(Settings):
        within: Literal["hyperparameters", "pool"] = Field(
            "hyperparameters", description="with which models one is compared: of its own hyperparameters, or all"
        )

    config: Config

    def groups(self, pool: Sequence[Evaluation]) -> list[Indices]:
        """The positions in the pool of models that are compared with each other, two or more in each group.

        Raises:
            NotApplicableError: no two models share their hyperparameters, and only such are to be compared.
        """
        if self.config.within == "pool":
            return [np.arange(len(pool))]
        settings = np.array([evaluation.setting for evaluation in pool])
        groups = [np.flatnonzero(settings == setting) for setting in np.unique(settings)]
        if groups := [group for group in groups if len(group) > 1]:
            return groups
        raise NotApplicableError('no two models share their hyperparameters; compare them all with within = "pool"')

    def scores(self, comparisons: Floats) -> Floats:
        """Each model's median comparison with the others, as their target; NaN for one without partners."""
        # Column j holds how well the others explain model j.
        explained = comparisons.copy()
        np.fill_diagonal(explained, np.nan)
        compared = ~np.isnan(explained).all(axis=0)
        medians = np.full(len(comparisons), np.nan)
        medians[compared] = np.nanmedian(explained[:, compared], axis=0)
        return medians
