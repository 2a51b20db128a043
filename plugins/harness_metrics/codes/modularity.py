"""Modularity: does each code depend on one factor only?"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness import Evaluation, Field, Metric, Score
from harness_metrics.codes.code_factor_information import code_factor_information
from harness_metrics.codes.protocols import SampledSettings


class Modularity(Metric):
    """Modularity, in [0, 1].

    A code is modular if it has mutual information with one factor only: its score is 1 minus the mean over the
    other factors of their squared information, relative to that of its most informative factor. The result is the
    mean over codes. Codes are put in 20 equal-width bins over `points` observations.

    A dead code scores 0 in the protocol of disentanglement_lib; in that of InfoGAN-CR, whose implementation has
    no result then, it is left out. A factor with one level is none of the others. With a single factor every code
    that depends on it is modular. Without a code to score the score is 0.
    """

    class Config(SampledSettings):
        protocol: Literal["disentanglement_lib", "infogan-cr"] = Field(
            "disentanglement_lib", description="whether a dead code scores 0 (disentanglement_lib) or is left out"
        )

    source = "Ridgeway & Mozer 2018, Learning Deep Disentangled Embeddings with the F-Statistic Loss, arXiv:1802.05312"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """Modularity; details hold that of each code, (D,), and the mutual information (D, F) in nats.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        found = code_factor_information(evaluation, self.config.points)
        per_code = code_modularity(found.information[:, found.varying])
        counted = found.information.max(axis=1) > 0
        if self.config.protocol == "disentanglement_lib":
            counted[:] = True
        details = {"per_code": per_code.tolist(), "mutual_information": found.information.tolist()}
        return Score(float(per_code[counted].mean()) if counted.any() else 0.0, details)


def code_modularity(information: NDArray[np.float64]) -> NDArray[np.float64]:
    """Modularity (D,) of codes with mutual information (D, F); 0 for a code without any."""
    squares = information**2
    largest = squares.max(axis=1)
    others = squares.sum(axis=1) - largest
    # With a single factor there are no others, whatever their number is divided by.
    scale = largest * max(information.shape[1] - 1, 1)
    return np.where(largest > 0, 1 - others / np.where(largest > 0, scale, 1), 0.0)
