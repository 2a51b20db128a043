"""The mutual information gap."""

import numpy as np

from harness import Evaluation, Metric, NotApplicableError, Score
from harness_metrics.codes.mutual_information import bin_codes, entropies, mutual_information
from harness_metrics.codes.protocols import TRAIN_POINTS


class MutualInformationGap(Metric):
    """Mutual information gap (MIG), in [0, 1].

    For each factor, the mutual information with the most informative code minus that with the second,
    in units of the factor's entropy; the mean over factors. Codes are put in 20 equal-width bins over
    10,000 observations; information is the plug-in estimate in nats. Both published protocols
    (disentanglement_lib and InfoGAN-CR) agree on this definition.

    A dead code carries no information and changes nothing. A single code has no second: its gap is all
    of its information. A factor with one level has no entropy and is left out of the mean.
    """

    source = "Chen et al. 2018, Isolating Sources of Disentanglement in VAEs, arXiv:1802.04942, section 4"
    range = (0, 1)

    def score(self, evaluation: Evaluation) -> Score:
        """The gap; details hold the information of every code and factor (D, F) and the entropies (F,) in nats.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        index = evaluation.sample("train", TRAIN_POINTS)
        factors = evaluation.grid().ids(index)
        information = mutual_information(bin_codes(evaluation.codes(index)), factors)
        entropy = entropies(factors)
        varies = entropy > 0
        if not varies.any():
            raise NotApplicableError("no factor takes more than one level")
        # A row of zeros stands for the second code where there is only one.
        ordered = np.sort(np.vstack([information, np.zeros_like(entropy)]), axis=0)
        gaps = (ordered[-1] - ordered[-2])[varies] / entropy[varies]
        details = {"mutual_information": information.tolist(), "factor_entropy": entropy.tolist()}
        return Score(float(gaps.mean()), details)
