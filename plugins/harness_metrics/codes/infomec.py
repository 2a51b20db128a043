"""InfoMEC: modularity, explicitness and compactness of a representation, each by information."""

from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from harness import Codes, Evaluation, Field, Floats, Indices, Metric, NotApplicableError, Score, Settings
from harness_metrics.codes.estimators import may_stop_early
from harness_metrics.codes.mutual_information import entropies, mutual_information
from harness_metrics.codes.neighbour_information import neighbour_information
from harness_metrics.codes.protocols import TRAIN_POINTS

NEIGHBOURS = 10
ACTIVE = 1 / 20
"""A continuous code is active if it ranges over more than this share of what the widest one ranges over."""

SOURCE = "Hsu et al. 2023, Disentanglement via Latent Quantization, arXiv:2305.18378, section 5"


class LatentSettings(Settings):
    """Whether codes are continuous or discrete, which decides how information is estimated."""

    latents: Literal["continuous", "discrete"] = Field(
        "continuous",
        description="continuous: information from nearest neighbours; discrete: every value of a code is a level",
    )


class InfoM(Metric):
    """InfoM, the modularity of InfoMEC, in [0, 1]: does each code tell of one factor only?

    For each active code, the share that its most informed factor has in the information with all factors, each in
    units of the factor's entropy; the mean over codes, scaled so that equal shares are 0. On 10,000 observations,
    none twice; all if there are fewer. Information with continuous codes is estimated from the 10 nearest neighbours
    of each observation, which needs no bins; with discrete ones by counting. A continuous code is active if its range
    is more than a twentieth of the largest, a discrete one if it has two values.

    A code that tells nothing scores 0; without an active code the score is 0. A factor with one level is left out.
    With a single factor, every code that tells of it is modular.
    """

    class Config(LatentSettings):
        """Whether codes are continuous or discrete."""

    source = SOURCE
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """InfoM; details hold the normalised information (D, F) (`nmi_matrix`) and the numbers of active codes.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        information, active, varying = _measured(evaluation, self.config.latents)
        used = information[np.ix_(active, varying)]
        return Score(scaled_share(used), _details(information, active))


class InfoC(Metric):
    """InfoC, the compactness of InfoMEC, in [0, 1]: does one code only tell of each factor?

    For each factor, the share that its most informative code has in the information of all active codes; the mean
    over factors, scaled so that equal shares are 0. Information and active codes are those of `infom`.

    A factor that no code tells of scores 0; without an active code the score is 0. A factor with one level is left
    out. With a single active code, every factor that it tells of is coded compactly.
    """

    class Config(LatentSettings):
        """Whether codes are continuous or discrete."""

    source = SOURCE
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """InfoC; details hold the normalised information (D, F) (`nmi_matrix`) and the numbers of active codes.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        information, active, varying = _measured(evaluation, self.config.latents)
        used = information[np.ix_(active, varying)]
        return Score(scaled_share(used.T), _details(information, active))


class InfoE(Metric):
    """InfoE, the explicitness of InfoMEC, at most 1: how much do all codes tell linearly of each factor?

    The predictive information of logistic regressions without a penalty, with balanced classes: by how much their
    cross entropy is below ln K, that of knowing nothing of a factor with K levels, in units of ln K; the mean over
    factors. They learn and are scored on the same 10,000 observations. Continuous codes are standardised, discrete
    ones one-hot. Below 0 where levels are so uneven that balanced predictions are worse than uniform ones.

    Dead codes tell nothing. A factor with one level is left out.
    """

    class Config(LatentSettings):
        """Whether codes are continuous or discrete."""

    source = SOURCE
    range = (-np.inf, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """InfoE; details hold that of each factor that varies.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        codes, factors = _observed(evaluation)
        codes = codes[:, np.ptp(codes, axis=0) > 0]
        varying = _varying(factors)
        if not codes.shape[1]:
            return Score(0.0, {"per_factor": [0.0] * len(varying)})
        encoder = OneHotEncoder() if self.config.latents == "discrete" else StandardScaler()
        features = encoder.fit_transform(codes)
        per_factor = [predictive_information(features, factors[:, factor]) for factor in varying]
        return Score(float(np.mean(per_factor)), {"per_factor": per_factor})


def _observed(evaluation: Evaluation) -> tuple[Floats, Indices]:
    """Codes (n, D) and levels of factors (n, F) of different observations: repeated ones are too near neighbours."""
    if (fixed := evaluation.fixed.get("train_index")) is not None:
        index = np.unique(fixed)
    else:
        n = min(TRAIN_POINTS, evaluation.size)
        index = evaluation.rng("infomec").choice(evaluation.size, size=n, replace=False)
    return evaluation.codes(index).astype(np.float64), evaluation.grid().ids(index)


def _varying(factors: Indices) -> Indices:
    """The numbers of the factors that vary.

    Raises:
        NotApplicableError: no factor varies.
    """
    varying = np.flatnonzero(np.ptp(factors, axis=0))
    if not len(varying):
        raise NotApplicableError("no factor takes more than one level")
    return varying


def _measured(evaluation: Evaluation, latents: str) -> tuple[Floats, Indices, Indices]:
    """Normalised information (D, F), the active codes and the factors that vary, computed once for both metrics."""

    def measure() -> tuple[Floats, Indices, Indices]:
        codes, factors = _observed(evaluation)
        varying, extents = _varying(factors), np.ptp(codes, axis=0)
        information = np.zeros((codes.shape[1], factors.shape[1]))
        if latents == "discrete":
            information = mutual_information(levels_of(codes), factors)
            active = extents > 0
        else:
            for code, factor in product(range(codes.shape[1]), varying):
                rng = evaluation.rng("infomec", "noise", code, int(factor))
                levels = factors[:, factor]
                information[code, factor] = neighbour_information(codes[:, code], levels, NEIGHBOURS, rng)
            active = extents > extents.max() * ACTIVE
        entropy = entropies(factors)
        return information / np.where(entropy > 0, entropy, 1), np.flatnonzero(active), varying

    return evaluation.once(("infomec", latents), measure)


def _details(information: Floats, active: Indices) -> dict[str, list[float]]:
    return {"nmi_matrix": information.tolist(), "active_codes": active.tolist()}


def levels_of(codes: Codes | Floats) -> Indices:
    """The number of each value (n, D) among those of its column, ascending."""
    return np.stack([np.unique(column, return_inverse=True)[1] for column in codes.T], axis=1)


def scaled_share(information: Floats) -> float:
    """How large the largest share in each row (n, m) is on average: 0 if all shares are equal, 1 if there is one only.

    A row of zeros counts as one of equal shares, and so do no rows.
    """
    rows, columns = information.shape
    totals = information.sum(axis=1)
    told = totals > 0
    if not told.any():
        return 0.0
    if columns == 1:
        return float(told.mean())
    shares = np.full(rows, 1 / columns)
    shares[told] = information[told].max(axis=1) / totals[told]
    return float((shares.mean() - 1 / columns) / (1 - 1 / columns))


def predictive_information(features: NDArray[np.floating], levels: Indices) -> float:
    """By how much features (n, D) lower the cross entropy of a factor's levels (n,), in units of ln K; at most 1."""
    model = LogisticRegression(C=np.inf, class_weight="balanced")
    with may_stop_early():
        model.fit(features, levels)
    # Knowing nothing, the best that balanced classes allow is the uniform distribution.
    return 1 - float(
        log_loss(levels, model.predict_proba(features), labels=model.classes_) / np.log(len(model.classes_))
    )
