import numpy as np
import pytest

from harness import FactorGrid, TableEvaluation
from harness_metrics.codes.dci_regression import DCIForest, DCILasso
from harness_metrics.codes.explicitness import Explicitness
from harness_metrics.codes.mig import MutualInformationGap
from harness_metrics.codes.modularity import Modularity
from harness_metrics.codes.sap import SAP

GRID = FactorGrid(["a", "b"], [4, 5])


class Recording(TableEvaluation):
    """Codes that are the factors with noise; knows how many observations were asked for."""

    def __init__(self):
        levels = GRID.ids(np.arange(len(GRID))).astype(np.float32)
        super().__init__(
            levels + np.random.default_rng(0).normal(scale=0.1, size=levels.shape).astype(np.float32), GRID
        )
        self.asked = {}

    def sample(self, purpose, n):
        self.asked[purpose] = n
        return super().sample(purpose, n)


@pytest.mark.parametrize("metric", [SAP, MutualInformationGap, Modularity, Explicitness, DCILasso, DCIForest])
def test_a_metric_learns_from_as_many_points_as_are_set(metric):
    default, few = Recording(), Recording()
    metric(metric.Config()).score(default)
    metric(metric.Config(points=37)).score(few)
    assert (default.asked["train"], few.asked["train"]) == (10_000, 37)
