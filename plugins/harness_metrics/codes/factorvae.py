"""The FactorVAE score: which factor was held fixed, told by the code that varies least?"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness import Codes, Evaluation, Field, Indices, Metric, Score, Settings
from harness_metrics.codes.groups import infogan_cr_groups, infogan_cr_std_points

VARIANCE_POINTS = 10_000
VOTE_SIZE = 64


class FactorVAEScore(Metric):
    """FactorVAE score: the accuracy of a majority vote, in [0, 1].

    In each group of observations one factor is held fixed. Each code's variance within the group is
    divided by its variance over the dataset, and the code with the smallest ratio votes for that factor.
    A code stands for the factor that it votes for most often. Chance is about 1 / F for F factors.

    Two protocols:

    - `disentanglement_lib`: the fixed factor of each vote is random; votes are taken on 64 observations;
      codes with a standard deviation below 0.05 are left out; what each code stands for is learnt from
      10,000 votes and the score is the accuracy on 5,000 others. Without an active code the score is 0.
    - `infogan-cr`: 500 groups of 100 observations, group g fixing factor g mod F; standard deviations over
      a tenth of the grid; the score is the accuracy on the groups that the majorities come from. No code is
      left out. The fixed arrays `group_index` (groups, size), `group_label` (groups,) and `std_index` replace
      the random ones where an evaluation has them.

    A dead code that is not left out wins every vote, as the authors' implementations have it (it varies least
    of all), and brings the score down to chance. A factor with one level is treated as any other: a group that
    fixes it has nothing to tell, so its votes are lost. With a single code the score is chance.
    """

    class Config(Settings):
        protocol: Literal["disentanglement_lib", "infogan-cr"] = Field(
            "disentanglement_lib", description="whose sampling, pruning and scoring to follow"
        )
        std_threshold: float | None = Field(
            None, ge=0, description="codes with a smaller standard deviation are left out; null: 0.05 / 0 by protocol"
        )
        train_votes: int = Field(10_000, gt=0, description="votes that train the classifier (disentanglement_lib)")
        eval_votes: int = Field(5_000, gt=0, description="votes that it is scored on (disentanglement_lib)")

    source = "Kim & Mnih 2018, Disentangling by Factorising, arXiv:1802.05983, section 4"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The accuracy of the majority vote.

        Details hold the votes (F, active codes), the active codes' numbers and, by protocol, `train_accuracy`
        or `revised`: the accuracy when no more than F codes, those with the largest majorities, may vote.
        """
        if self.config.protocol == "infogan-cr":
            return self._infogan_cr(evaluation)
        return self._disentanglement_lib(evaluation)

    def _disentanglement_lib(self, evaluation: Evaluation) -> Score:
        points = evaluation.sample("variance", VARIANCE_POINTS)
        # A single point, which a file may fix, shows no variance.
        variance = evaluation.codes(points).var(axis=0, ddof=min(len(points) - 1, 1), dtype=np.float64)
        active = self._active(variance, threshold=0.05)
        if not len(active):
            return Score(0.0, {"train_accuracy": 0.0, "active_codes": [], "train_votes": [], "eval_votes": []})
        grid = evaluation.grid()

        def votes(purpose: str, n: int) -> Indices:
            rng = evaluation.rng("factorvae", purpose)
            factors = rng.integers(len(grid.sizes), size=n)
            groups = grid.sample_groups(factors, VOTE_SIZE, rng)
            codes = evaluation.codes(groups)[..., active]
            return _table(factors, steadiest_codes(codes, variance[active], ddof=1), (len(grid.sizes), len(active)))

        train = votes("train", self.config.train_votes)
        test = votes("eval", self.config.eval_votes)
        majority = (train.argmax(axis=0), np.arange(len(active)))
        details = {
            "train_accuracy": float(train[majority].sum() / train.sum()),
            "active_codes": active.tolist(),
            "train_votes": train.tolist(),
            "eval_votes": test.tolist(),
        }
        return Score(float(test[majority].sum() / test.sum()), details)

    def _infogan_cr(self, evaluation: Evaluation) -> Score:
        groups, labels = infogan_cr_groups(evaluation)
        variance = evaluation.codes(infogan_cr_std_points(evaluation)).var(axis=0, dtype=np.float64)
        active = self._active(variance, threshold=0.0)
        if not len(active):
            return Score(0.0, {"revised": 0.0, "active_codes": [], "votes": []})
        codes = evaluation.codes(groups)[..., active]
        factors = len(evaluation.grid().sizes)
        votes = _table(labels, steadiest_codes(codes, variance[active], ddof=0), (factors, len(active)))
        majorities = np.sort(votes.max(axis=0)) / len(labels)
        details = {
            "revised": float(majorities[-factors:].sum()),
            "active_codes": active.tolist(),
            "votes": votes.tolist(),
        }
        return Score(float(majorities.sum()), details)

    def _active(self, variance: NDArray[np.float64], threshold: float) -> Indices:
        """The numbers of the codes that may vote: those whose deviation reaches the threshold."""
        if self.config.std_threshold is not None:
            threshold = self.config.std_threshold
        return np.flatnonzero(np.sqrt(variance) >= threshold)


def steadiest_codes(groups: Codes, variance: NDArray[np.float64], ddof: int) -> Indices:
    """The code that varies least in each group, relative to its variance over the dataset.

    Args:
        groups: codes (G, size, D).
        variance: of each code over the dataset, (D,).
        ddof: 1 for the unbiased variance within a group, 0 for the population's.

    Returns:
        (G,) numbers of codes, the lowest where several vary equally little. A code with variance 0 varies
        least of all.
    """
    # In float64 the variance of identical float32 codes is exactly 0, so that ties are ties.
    within = groups.var(axis=1, ddof=ddof, dtype=np.float64)
    ratio = np.divide(within, variance, out=np.full_like(within, -np.inf), where=variance > 0)
    steadiest: Indices = ratio.argmin(axis=1)
    return steadiest


def _table(factors: Indices, codes: Indices, shape: tuple[int, int]) -> Indices:
    """Table of votes (F, D): how often each code was chosen while each factor was fixed."""
    counts: Indices = np.bincount(factors * shape[1] + codes, minlength=shape[0] * shape[1])
    return counts.reshape(shape)
