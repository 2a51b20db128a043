"""DCI: disentanglement, completeness and informativeness of a representation."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier

from harness import Codes, Evaluation, Field, Indices, Metric, NotApplicableError, Score, Settings
from harness_metrics.codes.boosting import GradientBoosting
from harness_metrics.codes.dci_regression import DCIForest
from harness_metrics.codes.estimators import single_precision
from harness_metrics.codes.protocols import TEST_POINTS, TRAIN_POINTS

Importance = NDArray[np.float64]


class DCI(Metric):
    """DCI disentanglement, in [0, 1].

    A model learns each factor from all codes. Its importances say how much each code serves to predict each factor.
    Disentanglement is high where every code serves one factor; completeness (in the details) where every factor is
    served by one code; informativeness is the mean accuracy of the predictions.

    Two protocols:

    - `disentanglement_lib`: gradient-boosted trees, trained on 10,000 observations and tested on 5,000.
    - `infogan-cr`: `dci-forest` as it is by default. Its authors compute `dci-lasso` and `dci-lassocv` too, and which
      one their tables show is not known.

    A dead code serves no factor and weighs nothing. A factor with one level has nothing to predict and is left
    out. With a single factor, every code that serves it is disentangled; with a single code, every factor that
    it serves is complete. If no code serves any factor, both are 0.
    """

    class Config(Settings):
        protocol: Literal["disentanglement_lib", "infogan-cr"] = Field(
            "disentanglement_lib", description="whose models of the factors to use: boosted trees or dci-forest"
        )
        estimator: Literal["boosting", "scikit-learn"] = Field(
            "boosting",
            description="of disentanglement_lib's trees; boosting: binned codes, many times faster, within 0.02 of "
            "scikit-learn: the exact splits",
        )

    source = "Eastwood & Williams 2018, A Framework for the Quantitative Evaluation of Disentangled Representations"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """Disentanglement, the mean over codes.

        Details hold completeness, informativeness on both samples, the importance of each code for each factor
        (D, F), whose columns sum to 1, and the scores of each code (D,) and each factor that varies. Forests have no
        informativeness, and leave out the scores of dead codes.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        if self.config.protocol == "infogan-cr":
            return DCIForest(DCIForest.Config()).score(evaluation)
        train, test = evaluation.sample("train", TRAIN_POINTS), evaluation.sample("test", TEST_POINTS)
        codes, test_codes = single_precision(evaluation.codes(train), evaluation.codes(test))
        factors, test_factors = evaluation.grid().ids(train), evaluation.grid().ids(test)
        varying = np.flatnonzero(factors.min(axis=0) < factors.max(axis=0))
        if not len(varying):
            raise NotApplicableError("no factor takes more than one level")

        importance = np.zeros((codes.shape[1], factors.shape[1]))
        accuracy, test_accuracy = [], []
        for factor in varying:
            fitted = self._fit(codes, factors[:, factor], evaluation.rng("dci", int(factor)))
            importance[:, factor] = fitted.importances
            accuracy.append(np.mean(fitted.predict(codes) == factors[:, factor]))
            test_accuracy.append(np.mean(fitted.predict(test_codes) == test_factors[:, factor]))
        disentanglement, per_code = concentration(importance[:, varying])
        completeness, per_factor = concentration(importance[:, varying].T)
        details = {
            "completeness": completeness,
            "informativeness_train": float(np.mean(accuracy)),
            "informativeness_test": float(np.mean(test_accuracy)),
            "importance_matrix": importance.tolist(),
            "disentanglement_per_code": per_code.tolist(),
            "completeness_per_factor": per_factor.tolist(),
        }
        return Score(disentanglement, details)

    def _fit(self, codes: Codes, levels: Indices, rng: np.random.Generator) -> "GradientBoosting | ExactBoosting":
        if self.config.estimator == "scikit-learn":
            return ExactBoosting(codes, levels, rng)
        return GradientBoosting.fit(codes, levels, rng)


class ExactBoosting:
    """scikit-learn's gradient boosting with its defaults, under the names of `GradientBoosting`."""

    def __init__(self, codes: Codes, levels: Indices, rng: np.random.Generator) -> None:
        self._model = GradientBoostingClassifier(random_state=int(rng.integers(2**31))).fit(codes, levels)
        self.importances: Importance = self._model.feature_importances_

    def predict(self, codes: Codes) -> Indices:
        """The most likely level (n,) of codes (n, D)."""
        levels: Indices = self._model.predict(codes)
        return levels


def concentration(importance: Importance) -> tuple[float, NDArray[np.float64]]:
    """How far each row of an importance matrix lies in one column, in [0, 1].

    Returns:
        The mean over rows weighted by their sums, and each row's value: 1 minus its entropy in units of
        the largest possible. Of codes by factors it is disentanglement; transposed, completeness.
    """
    rows, columns = importance.shape
    totals = importance.sum(axis=1)
    if columns == 1:
        per_row = (totals > 0).astype(np.float64)
    else:
        shares = importance + 1e-11
        shares /= shares.sum(axis=1, keepdims=True)
        per_row = 1 + (shares * np.log(shares)).sum(axis=1) / np.log(columns)
    weights = totals / totals.sum() if totals.sum() > 0 else np.full(rows, 1 / rows)
    return float(per_row @ weights), per_row
