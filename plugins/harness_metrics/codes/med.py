"""MED: the disentanglement of DCI, with mutual information in place of a predictor's importances."""

import numpy as np

from harness import Evaluation, Field, Floats, Indices, Metric, Score, Settings
from harness_metrics.codes.code_factor_information import code_factor_information
from harness_metrics.codes.dci import concentration


class MED(Metric):
    """Mutual information based entropy disentanglement (MED), in [0, 1].

    The importance of a code for a factor is its share in the mutual information that all codes have with the
    factor; disentanglement and completeness are computed of it as DCI does. Nothing is learnt, so that it is quick
    and does not choose among redundant codes as a predictor does. Codes are put in 20 equal-width bins over 10,000
    observations.

    Top-k MED looks at no more than k codes of each factor, for representations of hundreds of dimensions: of those
    that tell most of it, the ones that are disentangled best.

    A dead code weighs nothing. A factor with one level, or that no code tells of, is left out.
    """

    class Config(Settings):
        top: int | None = Field(None, gt=0, description="codes of each factor that count (top-k MED); null: all")

    source = "Cao et al. 2022, An Empirical Study on Disentanglement of Negative-free Contrastive Learning (NeurIPS)"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """Disentanglement, the mean over codes.

        Details hold the completeness, the codes that count, their disentanglement, the completeness of each factor
        that counts and the importance of each code for each factor (D, F), whose columns sum to 1.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        found = code_factor_information(evaluation)
        totals = found.information.sum(axis=0)
        importance = found.information / np.where(totals > 0, totals, 1)
        counted = np.arange(len(importance))
        told = importance[:, totals > 0] if (totals > 0).any() else importance
        if self.config.top is not None:
            counted = top_codes(told, self.config.top)
        disentanglement, per_code = concentration(told[counted])
        completeness, per_factor = concentration(told[counted].T)
        details = {
            "completeness": completeness,
            "codes": counted.tolist(),
            "importance_matrix": importance.tolist(),
            "disentanglement_per_code": per_code.tolist(),
            "completeness_per_factor": per_factor.tolist(),
        }
        return Score(disentanglement, details)


def top_codes(importance: Floats, top: int) -> Indices:
    """The numbers, ascending, of each factor's `top` most disentangled codes of those most important for it (D, F)."""
    belongs = importance.argmax(axis=1)
    _, per_code = concentration(importance)
    best_first = np.argsort(-per_code, kind="stable")
    chosen = [best_first[belongs[best_first] == factor][:top] for factor in range(importance.shape[1])]
    return np.sort(np.concatenate(chosen))
