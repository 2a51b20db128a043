"""Explicitness: can each level of each factor be told linearly from all codes?"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from harness import Codes, Evaluation, Field, Indices, Metric, NotApplicableError, Score
from harness_metrics.codes.logistic import KINDS, Kind, fit_logistic
from harness_metrics.codes.protocols import TEST_POINTS, SampledSettings


class Explicitness(Metric):
    """Explicitness, in [0, 1] with chance at 0.5.

    For each factor a logistic regression predicts the level from all codes; the area under the ROC curve of
    each level against the others is averaged over levels, then over factors.

    Two protocols:

    - `disentanglement_lib`: standardised codes; trained on `points` observations and scored on 5,000.
    - `infogan-cr`: raw codes; scored on the observations trained on.

    Dead codes are left out; without any other the score is chance. A factor with one level is left out of the
    mean, and so are levels that the scored sample lacks; if it has one level only, the area is chance.
    """

    class Config(SampledSettings):
        protocol: Literal["disentanglement_lib", "infogan-cr"] = Field(
            "disentanglement_lib", description="whose preparation and scoring to follow"
        )
        classifier: Kind = Field("multinomial", description=KINDS)

    source = "Ridgeway & Mozer 2018, Learning Deep Disentangled Embeddings with the F-Statistic Loss, arXiv:1802.05312"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The mean area; details hold the means on both samples and that of each factor that varies.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        train, test = evaluation.sample("train", self.config.points), evaluation.sample("test", TEST_POINTS)
        factors, test_factors = evaluation.grid().ids(train), evaluation.grid().ids(test)
        codes, test_codes = self._prepared(evaluation.codes(train), evaluation.codes(test))
        areas = []
        for levels, test_levels in zip(factors.T, test_factors.T, strict=True):
            if levels.min() < levels.max():
                areas.append(self._areas((codes, levels), (test_codes, test_levels)))
        if not areas:
            raise NotApplicableError("no factor takes more than one level")
        on_train, on_test = np.transpose(areas)
        details = {
            "train": float(on_train.mean()),
            "test": float(on_test.mean()),
            "train_per_factor": on_train.tolist(),
            "test_per_factor": on_test.tolist(),
        }
        return Score(details["train" if self.config.protocol == "infogan-cr" else "test"], details)

    def _prepared(self, codes: Codes, test_codes: Codes) -> tuple[Codes, Codes]:
        """The codes that vary, standardised where the protocol says so."""
        alive = codes.min(axis=0) < codes.max(axis=0)
        codes, test_codes = codes[:, alive], test_codes[:, alive]
        if self.config.protocol == "infogan-cr":
            return codes, test_codes
        # In double precision no square is out of range.
        mean, deviation = codes.mean(axis=0, dtype=np.float64), codes.std(axis=0, dtype=np.float64)
        standard, test_standard = (codes - mean) / deviation, (test_codes - mean) / deviation
        return standard.astype(np.float32), test_standard.astype(np.float32)

    def _areas(self, train: tuple[Codes, Indices], test: tuple[Codes, Indices]) -> tuple[float, float]:
        """Mean area under the ROC curves of a factor's levels, on the training and on the test observations."""
        if not train[0].shape[1]:
            return 0.5, 0.5
        classifier = fit_logistic(*train, self.config.classifier)

        def area(codes: Codes, levels: Indices) -> float:
            return mean_area(classifier.predict_proba(codes), levels[:, None] == classifier.classes_)

        return area(*train), area(*test)


def mean_area(probabilities: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve, averaged over classes that some but not all observations belong to; 0.5 without any.

    Args:
        probabilities: of each class, (n, K).
        truth: whether each observation belongs to each class, (n, K).
    """
    positive = truth.sum(axis=0)
    negative = len(truth) - positive
    counted = (positive > 0) & (negative > 0)
    if not counted.any():
        return 0.5
    ranks = rankdata(probabilities[:, counted], axis=0)
    positive, negative = positive[counted], negative[counted]
    # How often a member outranks an outsider (Mann & Whitney).
    wins = (ranks * truth[:, counted]).sum(axis=0) - positive * (positive + 1) / 2
    return float(np.mean(wins / (positive * negative)))
