"""DCI-ES: the explicitness and the size of a representation, beside DCI's scores of it."""

from typing import Annotated, NamedTuple

import numpy as np
from scipy.integrate import trapezoid
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from harness import Codes, Evaluation, FactorGrid, Field, Floats, Indices, Metric, NotApplicableError, Score, Settings
from harness_metrics.codes.estimators import single_precision
from harness_metrics.codes.protocols import TEST_POINTS, TRAIN_POINTS

SOURCE = "Eastwood et al. 2023, DCI-ES: An Extended Disentanglement Framework, arXiv:2210.00364, section 4"


class DCIExplicitness(Metric):
    """Explicitness of DCI-ES, in [-1, 1]: how small a predictor does with the codes what a large one can do?

    Predictors of growing capacity learn each factor from all codes; the loss of the best so far falls along a curve.
    Explicitness is 1 minus the area between that curve and its end, in units of the area where the loss falls
    steadily from that of knowing nothing to 0; the mean over factors. 1: the smallest predictor is as good as the
    largest. Below 0: most is only gained at the end. Codes that tell nothing are explicit about it, so it is to be
    read beside the informativeness in the details.

    The predictors are random forests whose capacity is the depth of their trees, the authors' choice for forests;
    the loss is the share of wrong classes of categorical factors and 1 - R² of others, on 5,000 observations after
    learning from 10,000. As a tree of some depth is the top of a deeper one, one forest for each factor is grown and
    cut at each depth. No predictor counts as worse than one that knows nothing.

    A dead code tells nothing and changes nothing. A factor with one level is left out.
    """

    class Config(Settings):
        depths: tuple[Annotated[int, Field(gt=0)], ...] = Field(
            (1, 2, 3, 4, 8, 10, 12, 14, 16, 18, 20, 32),
            min_length=2,
            description="depths of the trees, ascending; the capacities of the predictors",
        )
        trees: int = Field(100, gt=0, description="trees in a forest")

    source = SOURCE
    range = (-1, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The mean explicitness.

        Details hold that of each factor that varies, its curve of losses (factors, depths) and 1 - the last loss,
        averaged (`informativeness`) and of each.

        Raises:
            NotApplicableError: no factor takes more than one level, or the depths do not ascend.
        """
        depths = np.array(self.config.depths)
        if not (np.diff(depths) > 0).all():
            raise NotApplicableError(f"the depths {', '.join(map(str, depths))} do not ascend")
        train, test = evaluation.sample("train", TRAIN_POINTS), evaluation.sample("test", TEST_POINTS)
        codes, test_codes = single_precision(evaluation.codes(train), evaluation.codes(test))
        per_factor, curves = [], []
        for factor in _varying(evaluation, train):
            seed = int(evaluation.rng("dci-es", int(factor)).integers(2**31))
            settings = {"n_estimators": self.config.trees, "max_depth": int(depths[-1]), "random_state": seed}
            probe = _probe(evaluation.grid(), int(factor), (train, test), **settings)
            losses = probe.losses(codes, test_codes, depths)
            curves.append(losses)
            per_factor.append(explicitness(depths, losses, probe.baseline))
        told = [1 - float(losses[-1]) for losses in curves]
        details = {
            "per_factor": per_factor,
            "losses": [losses.tolist() for losses in curves],
            "informativeness": float(np.mean(told)),
            "informativeness_per_factor": told,
        }
        return Score(float(np.mean(per_factor)), details)


class DCISize(Metric):
    """Size of DCI-ES: the number of factors that vary over the number of codes; higher is better.

    1 where there are as many codes as factors; less, the larger the representation is; more where it has fewer
    codes than there are factors, which then share codes. Dead codes are part of its size.
    """

    source = SOURCE
    range = (0, np.inf)

    def score(self, evaluation: Evaluation) -> Score:
        """The size; details hold both numbers.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        index = evaluation.sample("train", TRAIN_POINTS)
        factors, codes = len(_varying(evaluation, index)), evaluation.codes(index).shape[1]
        return Score(factors / codes, {"factors": factors, "codes": codes})


def _varying(evaluation: Evaluation, index: Indices) -> Indices:
    """The numbers of the factors that vary among observations."""
    varying = np.flatnonzero(np.ptp(evaluation.grid().ids(index), axis=0))
    if not len(varying):
        raise NotApplicableError("no factor takes more than one level")
    return varying


def explicitness(capacities: Indices | Floats, losses: Floats, baseline: float) -> float:
    """1 minus the area (trapezoids) of losses above the last, in units of a triangle.

    Args:
        capacities: ascending, (n,).
        losses: of the best predictor so far, falling, (n,), at most `baseline`.
        baseline: the loss of knowing nothing: the height of the triangle.
    """
    area = trapezoid(losses - losses[-1], capacities)
    return 1 - float(area / ((capacities[-1] - capacities[0]) * baseline / 2))


class Probe(NamedTuple):
    """A forest and the data by which it learns one factor.

    Attributes:
        forest: not fitted yet.
        train: the factor's levels or real values that it learns, (n,).
        test: those that it is tested on, (m,).
        baseline: the loss of knowing nothing.
    """

    forest: RandomForestClassifier | RandomForestRegressor
    train: Floats
    test: Floats
    baseline: float

    def losses(self, codes: Codes, test_codes: Codes, depths: Indices) -> Floats:
        """The loss (depths,) of the best forest up to each depth, after learning from codes (n, D)."""
        self.forest.fit(codes, self.train)
        classes = getattr(self.forest, "classes_", None)
        losses = []
        for outputs in outputs_by_depth(self.forest, test_codes, depths):
            if classes is None:
                squares = np.square(outputs[:, 0] - self.test).mean()
                losses.append(squares / max(float(self.test.var()), np.finfo(float).tiny))
            else:
                losses.append(np.mean(classes[outputs.argmax(axis=1)] != self.test))
        best: Floats = np.minimum.accumulate(np.minimum(losses, self.baseline))
        return best


def _probe(grid: FactorGrid, factor: int, samples: tuple[Indices, Indices], **settings: int) -> Probe:
    """A forest with these settings, of the kind that suits the factor."""
    if grid.categorical[factor]:
        train, test = (grid.ids(index)[:, factor].astype(np.float64) for index in samples)
        return Probe(RandomForestClassifier(**settings), train, test, 1 - 1 / len(np.unique(train)))
    train, test = (grid.real_values(index)[:, factor] for index in samples)
    return Probe(RandomForestRegressor(**settings), train, test, 1.0)


def outputs_by_depth(
    forest: RandomForestClassifier | RandomForestRegressor, codes: Codes, depths: Indices
) -> list[Floats]:
    """What a fitted forest would say of codes (n, D) if its trees were cut at each of the depths, each (n, outputs).

    Outputs are the probabilities of classes, or the one predicted value.
    """
    sums: dict[int, Floats | float] = {int(depth): 0.0 for depth in depths}
    for estimator in forest.estimators_:
        tree = estimator.tree_
        values = tree.value[:, 0]
        if hasattr(forest, "classes_"):
            values = values / values.sum(axis=1, keepdims=True)
        node = np.zeros(len(codes), dtype=np.int64)
        for depth in range(1, int(depths[-1]) + 1):
            feature = tree.feature[node]
            # A leaf looks at no feature, and nothing goes on from it.
            left = codes[np.arange(len(codes)), np.maximum(feature, 0)] <= tree.threshold[node]
            below = np.where(left, tree.children_left[node], tree.children_right[node])
            node = np.where(feature >= 0, below, node)
            if depth in sums:
                sums[depth] = sums[depth] + values[node]
    return [np.asarray(total) / len(forest.estimators_) for total in sums.values()]
