"""JEMMIG: the mutual information gap, less what a code tells beside its factor."""

import numpy as np

from harness import Evaluation, Metric, Score
from harness_metrics.codes.code_factor_information import code_factor_information, top_two
from harness_metrics.codes.mutual_information import BINS

TIE = 1e-9
"""Nats by which rounding keeps equal information apart."""


class JEMMIG(Metric):
    """Joint entropy minus mutual information gap (JEMMIG), normalised, in [0, 1]; higher is better.

    For each factor y, with z the code that tells most of it and z' the second, JEMMIG is
    H(z, y) - I(z; y) + I(z'; y): 0 where z is y under another name and no other code tells of y. It is the one gap
    that grows with whatever else z varies by. The score is the mean over factors of 1 - JEMMIG / (H(y) + ln 20), its
    largest value for codes in 20 equal-width bins; the mean of the plain one, in nats and better the lower, is among
    the details. Measured on 10,000 observations.

    Of codes that tell equally much, the one with the smallest entropy counts. A dead code changes nothing. A single
    code has no second. A factor with one level is left out.
    """

    source = "Do & Tran 2020, Theory and Evaluation Metrics for Learning Disentangled Representations, arXiv:1908.09961"
    range = (0, 1)

    def score(self, evaluation: Evaluation) -> Score:
        """Score the codes by the normalised JEMMIG, averaged over the factors that vary.

        Details hold the plain mean (`unnormalised`) and that of each factor that varies, the information (D, F) and
        the entropies (F,), all in nats.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        found = code_factor_information(evaluation)
        information, entropy = found.information[:, found.varying], found.factor_entropy[found.varying]
        first, second = top_two(information.T)
        own = np.where(information >= first - TIE, found.code_entropy[:, None], np.inf).min(axis=0)
        plain = (own + entropy - first) - first + second
        details = {"unnormalised": float(plain.mean()), "unnormalised_per_factor": plain.tolist(), **found.details()}
        return Score(float(np.mean(1 - plain / (entropy + np.log(BINS)))), details)
