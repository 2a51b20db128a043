"""The BetaVAE score: which factor do pairs share, told linearly by the differences of their codes?"""

from typing import Literal

import numpy as np

from harness import Codes, Evaluation, Field, Indices, Metric, NotApplicableError, Score, Settings
from harness_metrics.codes.groups import infogan_cr_groups
from harness_metrics.codes.logistic import KINDS, Kind, fit_logistic

PAIRS = 64


class BetaVAEScore(Metric):
    """BetaVAE score: the accuracy of a linear classifier, in [0, 1]; chance is about 1 / F for F factors.

    An example is the mean absolute difference of codes over pairs of observations that share one factor; a
    logistic regression tells which.

    Two protocols:

    - `disentanglement_lib`: the shared factor is random; 64 pairs, each sharing a level of its own; trained on
      10,000 examples and scored on 5,000 others.
    - `infogan-cr`: 500 groups of 100 observations with one level in common, group g sharing factor g mod F,
      make 50 pairs each; scored on the examples trained on. The fixed arrays `group_index` and `group_label`
      replace the random ones where an evaluation has them.

    Where the dataset is no complete grid, both observations of a pair are drawn from those at one level of the
    factor, which on a complete grid is the same.

    A dead code never differs and changes nothing. A factor with one level is always shared: examples that
    share nothing else look like it.
    """

    class Config(Settings):
        protocol: Literal["disentanglement_lib", "infogan-cr"] = Field(
            "disentanglement_lib", description="whose sampling and scoring to follow"
        )
        train_examples: int = Field(10_000, gt=0, description="examples to train on (disentanglement_lib)")
        eval_examples: int = Field(5_000, gt=0, description="examples to score on (disentanglement_lib)")
        classifier: Kind = Field("multinomial", description=KINDS)

    source = "Higgins et al. 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The classifier's accuracy; details hold that on the training examples.

        Raises:
            NotApplicableError: there is one factor only, or the groups that a file fixes have one observation.
        """
        if len(evaluation.grid().sizes) == 1:
            raise NotApplicableError("there is one factor only, so nothing to tell apart")
        if self.config.protocol == "infogan-cr":
            train = test = _infogan_cr_examples(evaluation)
        else:
            train = _examples(evaluation, "train", self.config.train_examples)
            test = _examples(evaluation, "eval", self.config.eval_examples)
        classifier = fit_logistic(*train, self.config.classifier)
        return Score(float(classifier.score(*test)), {"train_accuracy": float(classifier.score(*train))})


Examples = tuple[Codes, Indices]
"""Mean absolute differences (n, D) and shared factors (n,)."""


def _examples(evaluation: Evaluation, purpose: str, n: int) -> Examples:
    grid, rng = evaluation.grid(), evaluation.rng("betavae", purpose)
    labels = rng.integers(len(grid.sizes), size=n)
    pairs = grid.sample_groups(np.repeat(labels, PAIRS), 2, rng).reshape(n, PAIRS, 2)
    return _mean_difference(evaluation, pairs[..., 0], pairs[..., 1]), labels


def _infogan_cr_examples(evaluation: Evaluation) -> Examples:
    groups, labels = infogan_cr_groups(evaluation)
    end = groups.shape[1] // 2 * 2
    if not end:
        raise NotApplicableError("groups of one observation make no pairs")
    return _mean_difference(evaluation, groups[:, :end:2], groups[:, 1:end:2]), labels


def _mean_difference(evaluation: Evaluation, first: Indices, second: Indices) -> Codes:
    difference: Codes = np.abs(evaluation.codes(first) - evaluation.codes(second)).mean(axis=1)
    return difference
