"""A choice at random: what every selector must beat."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness import Evaluation, Field, PointwiseSelector, Settings


class Random(PointwiseSelector):
    """A score for each model at random, uniform in [0, 1): every model is equally likely to be chosen.

    The scores depend on the seeds and on a model's place in the pool, not on the models.
    """

    class Config(Settings):
        seed: int = Field(0, description="seeds the scores, together with the evaluation's own seed")

    source = "chance, the baseline of Lin et al. 2020, arXiv:1906.06034, and of any other selector"
    needs = ()

    config: Config

    def compare(self, pool: Sequence[Evaluation]) -> NDArray[np.float64]:
        """A random score for each of M models, (M,)."""
        return pool[0].rng("random selector", self.config.seed).random(len(pool))
