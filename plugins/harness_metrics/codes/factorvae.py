"""The FactorVAE score: which factor was held fixed, told by the code that varies least?"""

from typing import Literal

import numpy as np

from harness import Codes, Evaluation, Field, Floats, Indices, Metric, Score, Settings, count_votes
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
        variance = variances(evaluation.codes(points), axis=0, ddof=min(len(points) - 1, 1))
        active = self._active(variance, threshold=0.05)
        if not len(active):
            return Score(0.0, {"train_accuracy": 0.0, "active_codes": [], "train_votes": [], "eval_votes": []})
        grid = evaluation.grid()

        def votes(purpose: str, n: int) -> Indices:
            rng = evaluation.rng("factorvae", purpose)
            factors = rng.integers(len(grid.sizes), size=n)
            groups = grid.sample_groups(factors, VOTE_SIZE, rng)
            codes = evaluation.codes(groups)[..., active]
            return count_votes(
                variances(codes, axis=1, ddof=1), variance[active], factors, len(grid.sizes), dead_codes="win"
            )

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
        variance = variances(evaluation.codes(infogan_cr_std_points(evaluation)), axis=0)
        active = self._active(variance, threshold=0.0)
        if not len(active):
            return Score(0.0, {"revised": 0.0, "active_codes": [], "votes": []})
        within = variances(evaluation.codes(groups)[..., active], axis=1)
        factors = len(evaluation.grid().sizes)
        votes = count_votes(within, variance[active], labels, factors, dead_codes="win")
        majorities = np.sort(votes.max(axis=0)) / len(labels)
        details = {
            "revised": float(majorities[-factors:].sum()),
            "active_codes": active.tolist(),
            "votes": votes.tolist(),
        }
        return Score(float(majorities.sum()), details)

    def _active(self, variance: Floats, threshold: float) -> Indices:
        """The numbers of the codes that may vote: those whose deviation reaches the threshold."""
        if self.config.std_threshold is not None:
            threshold = self.config.std_threshold
        return np.flatnonzero(np.sqrt(variance) >= threshold)


def variances(codes: Codes, axis: int, ddof: int = 0) -> Floats:
    """Variances of codes along an axis; exactly 0 where all are equal, so that dead codes are dead and ties are ties.

    Of equal codes in single precision the sum in double precision is exact; of others the mean may be off by rounding.
    """
    found: Floats = codes.var(axis=axis, ddof=ddof, dtype=np.float64)
    return np.where(codes.min(axis=axis) == codes.max(axis=axis), 0.0, found) if codes.dtype == np.float64 else found
