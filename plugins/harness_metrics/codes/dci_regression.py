"""DCI with regressors, as the authors of InfoGAN-CR measure it."""

from typing import Annotated, Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, LassoCV

from harness import Evaluation, Field, Floats, Metric, NotApplicableError, Score
from harness_metrics.codes.estimators import may_stop_early
from harness_metrics.codes.protocols import SampledSettings

TINY = 1e-12


class DCIRegression(Metric):
    """DCI disentanglement, in [0, 1], by the protocol of InfoGAN-CR's authors.

    Codes and the real values of all factors, categorical ones too, are standardised; a regressor learns each
    factor from all codes on `points` observations, and its coefficients or importances say how much each code
    serves it. Nothing is held out.

    A dead code, and a code that serves no factor, weighs nothing. A factor with one level is left out; a factor
    that no code serves has completeness 0. With a single factor (or code) every code (or factor) that is used is
    disentangled (or complete).
    """

    source = "Eastwood & Williams 2018, with the regressors of Lin et al. 2020, arXiv:1906.06034"
    range = (0, 1)

    config: SampledSettings

    def score(self, evaluation: Evaluation) -> Score:
        """Disentanglement, the mean over codes.

        Details hold the completeness, the importance of each code for each factor (D, F), and the scores of each
        code that varies and of each factor that varies.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        points = evaluation.sample("train", self.config.points)
        codes = evaluation.codes(points).astype(np.float64)
        factors = evaluation.grid().real_values(points)
        alive, varying = np.flatnonzero(np.ptp(codes, axis=0)), np.flatnonzero(np.ptp(factors, axis=0))
        if not len(varying):
            raise NotApplicableError("no factor takes more than one level")
        importance = np.zeros((codes.shape[1], factors.shape[1]))
        if len(alive):
            standard = _standardised(codes[:, alive])
            for factor in varying:
                target = _standardised(factors[:, factor])
                importance[alive, factor] = self.importances(standard, target, int(factor), evaluation)
        used = importance[np.ix_(alive, varying)]
        per_code, per_factor = concentrations(used), concentrations(used.T)
        weights = used.sum(axis=1)
        details = {
            "completeness": float(per_factor.mean()),
            "importance_matrix": importance.tolist(),
            "disentanglement_per_code": per_code.tolist(),
            "completeness_per_factor": per_factor.tolist(),
        }
        return Score(float(per_code @ weights / weights.sum()) if weights.sum() > 0 else 0.0, details)

    def importances(self, codes: Floats, target: Floats, factor: int, evaluation: Evaluation) -> Floats:
        """How much each of the standardised codes (n, D) serves to predict a factor (n,): (D,), >= 0."""
        raise NotImplementedError(f"{type(self).__name__} must regress")


class DCILasso(DCIRegression):
    """DCI with a lasso of fixed strength. See `dci` for disentanglement_lib's protocol."""

    class Config(SampledSettings):
        alpha: float = Field(0.02, gt=0, description="weight of the L1 term")

    config: Config

    def importances(self, codes: Floats, target: Floats, factor: int, evaluation: Evaluation) -> Floats:
        """Absolute coefficients of the lasso, (D,)."""
        return _coefficients(Lasso(alpha=self.config.alpha, random_state=0), codes, target)


class DCILassoCV(DCIRegression):
    """DCI with a lasso whose strength cross-validation chooses. See `dci` for disentanglement_lib's protocol.

    It does not apply to fewer observations than folds.
    """

    class Config(SampledSettings):
        folds: int = Field(5, ge=2, description="folds of the cross-validation (3 was the default in the authors' day)")

    config: Config

    def importances(self, codes: Floats, target: Floats, factor: int, evaluation: Evaluation) -> Floats:
        """Absolute coefficients of the lasso of the chosen strength, (D,).

        Raises:
            NotApplicableError: there are fewer observations than folds.
        """
        if len(codes) < self.config.folds:
            raise NotApplicableError(f"{self.config.folds} folds need as many observations, and there are {len(codes)}")
        return _coefficients(LassoCV(cv=self.config.folds, random_state=0), codes, target)


class DCIForest(DCIRegression):
    """DCI with random forests. See `dci` for disentanglement_lib's protocol."""

    class Config(SampledSettings):
        depths: tuple[Annotated[int, Field(gt=0)], ...] = Field(
            (4, 2, 4, 2, 2),
            min_length=1,
            description="depth of the trees for each factor, the last for all further ones; the default is IB-GAN's, "
            "(4, 5, 2, 5, 5) the authors' other choice",
        )
        trees: int = Field(10, gt=0, description="trees in a forest (10 was the default in the authors' day)")

    config: Config

    def importances(self, codes: Floats, target: Floats, factor: int, evaluation: Evaluation) -> Floats:
        """The impurity importances of the forest, (D,)."""
        depth = self.config.depths[min(factor, len(self.config.depths) - 1)]
        seed = int(evaluation.rng("dci-forest", factor).integers(2**31))
        forest = RandomForestRegressor(self.config.trees, max_depth=depth, random_state=seed).fit(codes, target)
        # Of a code that tells nothing, rounding may leave them a little below 0, where shares have no entropy.
        found: Floats = np.abs(forest.feature_importances_)
        return found


def _coefficients(model: Any, codes: Floats, target: Floats) -> Floats:
    with may_stop_early():
        found: Floats = np.abs(model.fit(codes, target).coef_)
    return found


def _standardised(values: Floats) -> Floats:
    standard: Floats = (values - values.mean(axis=0)) / values.std(axis=0)
    return standard


def concentrations(importance: Floats) -> Floats:
    """How far each row lies in one column: 1 minus its entropy in units of the largest; 0 for an empty row."""
    totals = importance.sum(axis=1, keepdims=True)
    if importance.shape[1] == 1:
        only: Floats = (totals[:, 0] > 0).astype(np.float64)
        return only
    shares = np.divide(importance, totals, out=np.zeros_like(importance), where=totals > 0)
    scores: Floats = 1 + (shares * np.log(shares + TINY)).sum(axis=1) / np.log(importance.shape[1] + TINY)
    scores[totals[:, 0] == 0] = 0.0
    return scores
