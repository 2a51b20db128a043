"""The mutual information of pairs of codes."""

from math import inf

import numpy as np

from harness import Evaluation, Metric, Score
from harness_metrics.codes.mutual_information import bin_codes, mutual_information
from harness_metrics.codes.protocols import TRAIN_POINTS


class CodeInformation(Metric):
    """Mean mutual information of two codes in nats, at least 0: 0 where codes are independent; lower is better.

    Codes are put in 20 equal-width bins over 10,000 observations; information is the plug-in estimate, whose bias
    leaves independent codes a little above 0. Order, sign and scale of codes do not matter.

    A dead code shares nothing with any other, and its pairs count: dead codes lower the score. A single code scores 0.
    """

    source = "Locatello et al. 2019, Challenging Common Assumptions in Unsupervised Learning, arXiv:1811.12359"
    needs = ("encode",)
    higher_is_better = False
    range = (0, inf)

    def score(self, evaluation: Evaluation) -> Score:
        """The mean over pairs; details hold the information of each pair, (D, D), with a diagonal of zeros."""
        bins = bin_codes(evaluation.codes(evaluation.sample("train", TRAIN_POINTS)))
        information = mutual_information(bins, bins)
        np.fill_diagonal(information, 0)
        pairs = max(len(information) * (len(information) - 1), 1)
        return Score(float(information.sum() / pairs), {"mutual_information": information.tolist()})
