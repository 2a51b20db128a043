"""DCIMIG: a mutual information gap that asks of each factor for a code of its own."""

import numpy as np

from harness import Evaluation, Metric, Score
from harness_metrics.codes.code_factor_information import code_factor_information, top_two


class DCIMIG(Metric):
    """DCIMIG (also 3CharM), in [0, 1]: has each factor a code that tells of it alone?

    A code belongs to the factor that it tells most of, by the difference to the second. Each factor counts the
    largest difference among its codes, or 0 if none belongs to it; the score is their sum over the sum of the
    factors' entropies. It is 1 if and only if each factor is known in full from a code that tells of no other. Codes
    are put in 20 equal-width bins over 10,000 observations.

    Dead and redundant codes change nothing. A factor with one level adds nothing to either sum. With a single factor
    there is no second: a code's difference is all of its information.
    """

    source = "Sepliarskaia et al. 2019, How to Not Measure Disentanglement, arXiv:1910.05587"
    range = (0, 1)

    def score(self, evaluation: Evaluation) -> Score:
        """The score; details hold each factor's gap (F,), the information (D, F) and the entropies (F,) in nats.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        found = code_factor_information(evaluation)
        first, second = top_two(found.information)
        gaps = np.zeros_like(found.factor_entropy)
        np.maximum.at(gaps, found.information.argmax(axis=1), first - second)
        value = float(gaps.sum() / found.factor_entropy.sum())
        return Score(value, {"per_factor": gaps.tolist(), **found.details()})
