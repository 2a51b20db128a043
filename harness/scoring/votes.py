"""The votes of the FactorVAE score (Kim & Mnih 2018, section 4), which metrics and selectors share."""

from typing import Literal

import numpy as np

from harness.factors import Indices
from harness.typing import Floats


def count_votes(
    within: Floats, overall: Floats, fixed: Indices, factors: int, *, dead_codes: Literal["win", "abstain"]
) -> Indices:
    """Count how often each code varied least in a group of observations while each factor was fixed.

    In each group, the code whose spread there is the smallest part of its spread over all observations has the vote;
    the code with the lowest number, where several vary equally little.

    Args:
        within: spread of each code in each group, (G, D): variances, or standard deviations.
        overall: the same measure of each code over all observations, (D,).
        fixed: the number of the factor that each group has fixed, (G,).
        factors: how many factors there are, F.
        dead_codes: what codes do that have no spread over all observations. They "win" every vote in the authors'
            implementations of the FactorVAE score, if a threshold does not leave them out; in that of ModelCentrality
            they "abstain", and where all codes are dead there are no votes.

    Returns:
        (F, D) numbers of votes.
    """
    codes = len(overall)
    voters = np.flatnonzero(overall > 0) if dead_codes == "abstain" else np.arange(codes)
    if not len(voters):
        return np.zeros((factors, codes), dtype=np.int64)
    part = within[:, voters]
    ratio = np.divide(part, overall[voters], out=np.full_like(part, -np.inf), where=overall[voters] > 0)
    winners = voters[ratio.argmin(axis=1)]
    counts: Indices = np.bincount(fixed * codes + winners, minlength=factors * codes)
    return counts.reshape(factors, codes)
