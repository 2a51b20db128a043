"""The separated attribute predictability (SAP) score."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from harness import Codes, Evaluation, Field, Floats, Indices, Metric, NotApplicableError, Score, Settings
from harness_metrics.codes.estimators import may_stop_early
from harness_metrics.codes.protocols import TEST_POINTS, TRAIN_POINTS, SampledSettings


class SAP(Metric):
    """SAP with squared correlations, in [0, 1].

    For each factor, how well the best single code predicts it minus how well the second best does; the mean
    over factors, on `points` observations.

    Two protocols:

    - `disentanglement_lib`: the squared correlation of the code with the number of the factor's level, whether
      or not levels have an order.
    - `infogan-cr`: the squared correlation with the factor's real value; for categorical factors the accuracy
      of a linear support vector machine on the observations it is trained on. Dead codes are left out, where
      the authors' implementation has no result.

    The scale of codes does not matter to correlations; it does to the support vector machine. A dead code (in the
    former protocol one with a variance of at most 1e-12) predicts nothing. A single code has no second: its gap is
    all of its score. A factor with one level is left out of the mean.
    """

    class Config(SampledSettings):
        protocol: Literal["disentanglement_lib", "infogan-cr"] = Field(
            "disentanglement_lib", description="whose predictability to use"
        )

    source = "Kumar et al. 2018, Variational Inference of Disentangled Latent Concepts, arXiv:1711.00848, section 3"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The mean gap; details hold the predictability of each factor from each code, (D, F).

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        index, grid = evaluation.sample("train", self.config.points), evaluation.grid()
        codes, factors = evaluation.codes(index), grid.ids(index)
        if self.config.protocol == "disentanglement_lib":
            variance = codes.var(axis=0, ddof=min(len(codes) - 1, 1), dtype=np.float64)
            return mean_gap(squared_correlations(np.where(variance > 1e-12, codes, 0), factors), factors)
        codes = codes[:, codes.min(axis=0) < codes.max(axis=0)]
        predictability = squared_correlations(codes, grid.real_values(index))
        for factor in np.flatnonzero(np.asarray(grid.categorical) & varying(factors)):
            levels = factors[:, factor]
            predictability[:, factor] = [svm_accuracy((column, levels), (column, levels)) for column in codes.T]
        return mean_gap(predictability, factors)


class DiscreteSAP(Metric):
    """SAP with linear classifiers, in [0, 1], by disentanglement_lib's protocol for discrete factors.

    For each factor, how well the best single code predicts it minus how well the second best does; the mean
    over factors. Predictability is the accuracy on 5,000 observations of a linear support vector machine
    (C = 0.01, balanced classes) trained on 10,000.

    The second code is right by chance at least, so the score is at most 1 - 1 / n for a factor with n levels; and as
    classes are told one against the rest, levels in the middle of a code are hard to tell. The scale of codes matters,
    and so does how far from 0 they lie, since large intercepts are penalised too.

    A dead code predicts one level, right by chance. A single code has no second: its gap is all of its
    accuracy. A factor with one level is left out of the mean.
    """

    class Config(Settings):
        solver: Literal["primal", "dual"] = Field(
            "primal",
            description="of the same problem; dual, by random coordinates, was scikit-learn's default when the "
            "protocol was written",
        )

    source = SAP.source
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The mean gap; details hold the accuracies (D, F).

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        train, test = evaluation.sample("train", TRAIN_POINTS), evaluation.sample("test", TEST_POINTS)
        codes, test_codes = evaluation.codes(train), evaluation.codes(test)
        factors, test_factors = evaluation.grid().ids(train), evaluation.grid().ids(test)
        dual_seed = int(evaluation.rng("sap-discrete").integers(2**31)) if self.config.solver == "dual" else None
        accuracies = np.zeros((codes.shape[1], factors.shape[1]))
        for factor in np.flatnonzero(varying(factors)):
            for code in range(codes.shape[1]):
                accuracies[code, factor] = svm_accuracy(
                    (codes[:, code], factors[:, factor]), (test_codes[:, code], test_factors[:, factor]), dual_seed
                )
        return mean_gap(accuracies, factors)


def varying(factors: Indices) -> NDArray[np.bool_]:
    """Mask (F,) of the factors (n, F) that take more than one level."""
    several: NDArray[np.bool_] = factors.min(axis=0) < factors.max(axis=0)
    return several


def mean_gap(predictability: Floats, factors: Indices) -> Score:
    """The mean difference between the best and the second best code, over the factors that vary."""
    counted = varying(factors)
    if not counted.any():
        raise NotApplicableError("no factor takes more than one level")
    # Rows of zeros stand for codes where there are fewer than two.
    ordered = np.sort(np.vstack([predictability, np.zeros((2, len(counted)))]), axis=0)
    gaps = (ordered[-1] - ordered[-2])[counted]
    return Score(float(gaps.mean()), {"score_matrix": predictability.tolist()})


def squared_correlations(codes: Codes, values: NDArray[np.integer | np.floating]) -> Floats:
    """Squared correlations (D, F) of codes (n, D) with values (n, F); 0 where either does not vary."""
    squared: Floats = (_unit(codes).T @ _unit(values)) ** 2
    return squared


def _unit(columns: NDArray[Any]) -> Floats:
    """Columns (n, D) with mean 0 and length 1; a constant column becomes 0."""
    # In units of the largest, because the squares of tiny numbers are none.
    centred = columns - columns.mean(axis=0, dtype=np.float64)
    largest = np.where(np.ptp(columns, axis=0) > 0, abs(centred).max(axis=0), np.inf)
    scaled = centred / largest
    length = np.linalg.norm(scaled, axis=0)
    unit: Floats = scaled / np.where(length > 0, length, 1)
    return unit


def svm_accuracy(train: tuple[Codes, Indices], test: tuple[Codes, Indices], dual_seed: int | None = None) -> float:
    """Accuracy of a linear support vector machine that predicts levels (n,) from one code (n,).

    A seed makes the solver that by random dual coordinates.
    """
    classifier = LinearSVC(C=0.01, class_weight="balanced", dual=dual_seed is not None, random_state=dual_seed or 0)
    with may_stop_early():
        classifier.fit(train[0][:, None], train[1])
    return float(np.mean(classifier.predict(test[0][:, None]) == test[1]))
