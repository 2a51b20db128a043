"""The interventional robustness score (IRS)."""

import numpy as np

from harness import Evaluation, Field, Floats, Indices, Metric, Score, Settings
from harness_metrics.codes.mutual_information import bin_codes
from harness_metrics.codes.protocols import TRAIN_POINTS


class InterventionalRobustness(Metric):
    """Interventional robustness score, at most 1, by disentanglement_lib's protocol.

    For each code and factor: while the factor keeps one level, how far does the code stray from its mean (99th
    percentile of the distance, averaged over levels), in units of how far it strays at all? A code's score is 1
    minus the smallest such share, the share for the factor that it belongs to; the mean over codes is weighted
    by how far they stray at all. Measured on 10,000 observations; factors with more than 20 levels are put in
    20 equal-width bins.

    Dead codes are left out; without any other the score is 0.
    """

    class Config(Settings):
        quantile: float = Field(0.99, gt=0, le=1, description="of the distances from the mean; 1 is their maximum")

    source = "Suter et al. 2019, Robustly Disentangled Causal Mechanisms, arXiv:1811.00007, section 4"
    range = (-1, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The weighted mean over codes; details hold each code's parent factor, score and largest distance.

        They also hold the matrix (codes, F), whose rows are the codes that vary; their numbers are `active_codes`.
        """
        index = evaluation.sample("train", TRAIN_POINTS)
        codes = evaluation.codes(index).astype(np.float64)
        factors = bin_codes(evaluation.grid().ids(index).astype(np.float64))
        active = np.flatnonzero(codes.min(axis=0) < codes.max(axis=0))
        if not len(active):
            return Score(0.0, {"active_codes": []})
        codes = codes[:, active]
        largest: Floats = abs(codes - codes.mean(axis=0)).max(axis=0)
        robustness = 1 - self._distances(codes, factors) / largest[:, None]
        per_code = robustness.max(axis=1)
        details = {
            "active_codes": active.tolist(),
            "matrix": robustness.tolist(),
            "parents": robustness.argmax(axis=1).tolist(),
            "per_code": per_code.tolist(),
            "max_deviations": largest.tolist(),
        }
        return Score(float(np.average(per_code, weights=largest)), details)

    def _distances(self, codes: Floats, factors: Indices) -> Floats:
        """The mean distance (D, F) that codes (n, D) stray while each of F factors (n, F) keeps one level."""
        distances = [
            np.mean([self._spread(codes[column == level]) for level in np.unique(column)], axis=0)
            for column in factors.T
        ]
        return np.stack(distances, axis=1)

    def _spread(self, codes: Floats) -> Floats:
        """The quantile (D,) of the distances of codes (n, D) from their mean."""
        spread: Floats = np.quantile(abs(codes - codes.mean(axis=0)), self.config.quantile, axis=0)
        return spread
