"""Mutual information of codes and factors, a matrix that all metrics of binned codes read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import Evaluation, Floats, NotApplicableError
from harness_metrics.codes.mutual_information import bin_codes, entropies, mutual_information
from harness_metrics.codes.protocols import TRAIN_POINTS


class CodeFactorInformation(NamedTuple):
    """Plug-in information of D codes, in 20 equal-width bins, and F factors over a sample of observations, in nats.

    Attributes:
        information: of each code with each factor, (D, F).
        code_entropy: of each binned code, (D,); 0 for a dead one.
        factor_entropy: of each factor, (F,); 0 for one with one level.
    """

    information: Floats
    code_entropy: Floats
    factor_entropy: Floats

    @property
    def varying(self) -> NDArray[np.bool_]:
        """Mask of the factors that take more than one level, (F,)."""
        return self.factor_entropy > 0

    def details(self) -> dict[str, list[float]]:
        """Details for a metric's score: the information and the entropies of the factors, in nats."""
        return {"mutual_information": self.information.tolist(), "factor_entropy": self.factor_entropy.tolist()}


def code_factor_information(evaluation: Evaluation, points: int = TRAIN_POINTS) -> CodeFactorInformation:
    """Estimate the information of an evaluation's codes and factors on so many points, once for all metrics.

    Raises:
        NotApplicableError: no factor takes more than one level.
    """
    found = evaluation.once(("code-factor information", points), lambda: _measured(evaluation, points))
    if not found.varying.any():
        raise NotApplicableError("no factor takes more than one level")
    return found


def _measured(evaluation: Evaluation, points: int) -> CodeFactorInformation:
    index = evaluation.sample("train", points)
    bins, factors = bin_codes(evaluation.codes(index)), evaluation.grid().ids(index)
    return CodeFactorInformation(mutual_information(bins, factors), entropies(bins), entropies(factors))


def top_two(information: Floats) -> tuple[Floats, Floats]:
    """The largest and the second largest number of each row (n, m), both (n,); the second of one number is 0."""
    # A column of zeros stands for the second where there is only one.
    ordered = np.sort(np.column_stack([information, np.zeros(len(information))]), axis=1)
    return ordered[:, -1], ordered[:, -2]
