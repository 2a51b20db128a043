"""Dependence of codes as far as their covariance shows it: distances from a Gaussian to its marginals."""

from math import inf

import numpy as np

from harness import Evaluation, Floats, Metric, Score
from harness_metrics.codes.protocols import TRAIN_POINTS

SMALLEST = 1e-12
"""Smaller eigenvalues of a correlation matrix count as this."""

SOURCE = "Locatello et al. 2019, Challenging Common Assumptions in Unsupervised Learning, arXiv:1811.12359"


class TotalCorrelation(Metric):
    """Gaussian total correlation of the codes in nats, at least 0: 0 where they are uncorrelated; lower is better.

    The divergence of a Gaussian with the codes' covariance from the product of its marginals, on 10,000
    observations. Order, sign and scale of codes do not matter.

    A dead code shares nothing with any other and changes nothing; a single code scores 0. A code that is a linear
    function of others would cost infinitely much and costs about 13.8 nats: no eigenvalue of the correlation matrix
    counts as less than 1e-12.
    """

    source = SOURCE
    needs = ("encode",)
    higher_is_better = False
    range = (0, inf)

    def score(self, evaluation: Evaluation) -> Score:
        """The total correlation; details hold the covariance (D, D) of the codes."""
        covariance = code_covariance(evaluation)
        living = _living(covariance)
        deviations = np.sqrt(np.diag(living))
        eigenvalues = np.linalg.eigvalsh(living / np.outer(deviations, deviations))
        total = -0.5 * float(np.log(np.maximum(eigenvalues, SMALLEST)).sum())
        return Score(total, {"covariance": covariance.tolist()})


class WassersteinCorrelation(Metric):
    """Gaussian Wasserstein correlation of the codes, at least 0: 0 where they are uncorrelated; lower is better.

    The squared 2-Wasserstein distance of a Gaussian with the codes' covariance from the product of its marginals,
    on 10,000 observations. It has the codes' unit squared: order and sign of codes do not matter, their scale does.
    `wasserstein-correlation-norm` does without a unit.

    A dead code changes nothing; a single code scores 0.
    """

    source = SOURCE
    needs = ("encode",)
    higher_is_better = False
    range = (0, inf)

    def score(self, evaluation: Evaluation) -> Score:
        """The distance; details hold the covariance (D, D) of the codes and the distance `normalised` by its trace."""
        covariance = code_covariance(evaluation)
        plain, normalised = wasserstein_correlation(covariance)
        return Score(plain, {"normalised": normalised, "covariance": covariance.tolist()})


class NormalisedWassersteinCorrelation(Metric):
    """Gaussian Wasserstein correlation over the sum of the codes' variances, in [0, 2]; lower is better.

    As `wasserstein-correlation`, but the same for codes scaled all alike. Without a code that varies it is 0.
    """

    source = SOURCE
    needs = ("encode",)
    higher_is_better = False
    range = (0, 2)

    def score(self, evaluation: Evaluation) -> Score:
        """The normalised distance; details hold the covariance (D, D) of the codes and the `plain` distance."""
        covariance = code_covariance(evaluation)
        plain, normalised = wasserstein_correlation(covariance)
        return Score(normalised, {"plain": plain, "covariance": covariance.tolist()})


def code_covariance(evaluation: Evaluation) -> Floats:
    """Unbiased covariance (D, D) of the codes; that with a dead code is exactly 0."""
    codes = evaluation.codes(evaluation.sample("train", TRAIN_POINTS)).astype(np.float64)
    deviations = codes - codes.mean(axis=0)
    # A mean may be off by rounding, but a dead code deviates from nothing.
    deviations[:, codes.min(axis=0) == codes.max(axis=0)] = 0
    covariance: Floats = deviations.T @ deviations / max(len(codes) - 1, 1)
    return covariance


def wasserstein_correlation(covariance: Floats) -> tuple[float, float]:
    """The squared distance from a Gaussian to the product of its marginals, as it is and over its total variance."""
    living = _living(covariance)
    variances = np.diag(living)
    deviations = np.sqrt(variances)
    # The trace wanted, of the root of diag(v) C, is the sum of its eigenvalues' roots; this symmetric matrix has them.
    eigenvalues = np.linalg.eigvalsh(living * np.outer(deviations, deviations))
    overlap = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    plain = max(0.0, float(2 * (variances.sum() - overlap)))  # Rounding may leave less, of large variances.
    return plain, plain / float(variances.sum()) if len(variances) else 0.0


def _living(covariance: Floats) -> Floats:
    """The covariance matrix of those codes that vary at all."""
    alive = np.diag(covariance) > 0
    return covariance[np.ix_(alive, alive)]
