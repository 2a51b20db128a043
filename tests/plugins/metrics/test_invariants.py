"""What leaves the scores of representations alone, and what makes them worse, for every metric on codes."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harness_metrics
from harness import FactorGrid, TableEvaluation

CR = {"protocol": "infogan-cr"}
FEW_VOTES = {"train_votes": 1000, "eval_votes": 1000}
FEW_EXAMPLES = {"train_examples": 1500, "eval_examples": 1000}


@dataclass
class Law:
    """A metric, and by which factors codes may be multiplied without a change of its score.

    Attributes:
        scales: one for each code, one for all codes, or none but 1 and -1.
        within: how much the order of codes may change the score through rounding and ties.
        noise: whether more noise makes the score worse.
        place: whether it matters how far codes lie from 0.
    """

    metric: str
    scales: Literal["each", "all", "none"]
    within: float = 1e-9
    config: dict[str, Any] = field(default_factory=dict)
    noise: bool = True
    place: bool = False

    def __str__(self):
        return "-".join([self.metric, *(str(value) for value in self.config.values() if isinstance(value, str | int))])


LAWS = [
    Law("factorvae", "each", config=FEW_VOTES),
    Law("factorvae", "each", config=CR),
    Law("betavae", "none", 0.01, FEW_EXAMPLES),
    Law("betavae", "none", 0.01, CR),
    Law("mig", "each"),
    Law("dci", "each", 0.02),
    Law("dci-lasso", "each", 1e-4),
    Law("dci-lassocv", "each", 2e-3),
    Law("dci-forest", "each", 0.05),
    Law("sap", "each"),
    Law("sap", "none", 2e-3, CR, place=True),
    Law("sap-discrete", "none", 2e-3, place=True),
    Law("modularity", "each"),
    Law("modularity", "each", config=CR),
    Law("compactness", "each"),
    Law("mig-sup", "each"),
    Law("dcimig", "each"),
    Law("jemmig", "each"),
    Law("med", "each"),
    Law("med", "each", config={"top": 1}),
    Law("infom", "all", 1e-3),
    Law("infoe", "each", 1e-3),
    Law("infoc", "all", 1e-3),
    # Codes that tell nothing are explicit about it, and size is no matter of noise.
    Law("dci-explicitness", "each", 0.05, {"trees": 10}, noise=False),
    Law("dci-size", "each", noise=False),
    Law("explicitness", "each", 1e-3),
    Law("explicitness", "none", 1e-3, CR, place=True),
    Law("irs", "all"),
    Law("dhsic", "none"),
    Law("total-correlation", "each"),
    Law("wasserstein-correlation", "none"),
    Law("wasserstein-correlation-norm", "all"),
    Law("mutual-info-score", "each"),
    Law("downstream-accuracy", "each", 0.05, {"sizes": (100,)}),
]
EACH_LAW = pytest.mark.parametrize("law", LAWS, ids=str)
OF_SAMPLES = {"mi-bound", "cluster-accuracy"}


def metric_of(law, registry):
    metric_class = registry.find("metrics", law.metric).load()
    return metric_class(metric_class.Config(**law.config))


def test_every_metric_on_codes_has_a_law(registry):
    names = []
    harness_metrics.harness_register_metrics(lambda name, target, summary: names.append(name))
    on_codes = {name for name in names if set(registry.find("metrics", name).load().needs) <= {"encode", "factors"}}
    assert {law.metric for law in LAWS} == on_codes


GRID = FactorGrid("abc", (4, 5, 6), categorical=(True, False, False))
IDS = GRID.ids(np.arange(len(GRID)))
CODES = np.column_stack([IDS, np.zeros(len(IDS))]) + 0.6 * np.random.default_rng(1).normal(size=(len(IDS), 4))


PLAIN: dict[str, float] = {}


def unchanged(law, registry):
    """The score of the codes as they are, computed once."""
    if str(law) not in PLAIN:
        PLAIN[str(law)] = metric_of(law, registry).score(TableEvaluation(CODES.astype(np.float32), GRID)).value
    return PLAIN[str(law)]


@EACH_LAW
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(4)),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=4, max_size=4),
    sizes=st.lists(st.sampled_from([0.5, 2.0, 4.0]), min_size=4, max_size=4),
)
def test_order_and_sign_of_codes_do_not_matter_nor_their_scale_where_it_may_not(law, registry, order, signs, sizes):
    scales = {"each": np.array(sizes), "all": sizes[0], "none": 1.0}[law.scales] * np.array(signs)
    changed = metric_of(law, registry).score(TableEvaluation((CODES * scales)[:, order].astype(np.float32), GRID))
    assert changed.value == pytest.approx(unchanged(law, registry), abs=law.within)


@pytest.mark.parametrize("law", [law for law in LAWS if not law.place], ids=str)
@pytest.mark.parametrize("place", [2.0**24, -1e9])
def test_codes_far_from_zero_are_scored_as_those_near_it(law, registry, place):
    """In double precision, which tells them apart there; an edge between bins may be rounded to either side."""
    moved = metric_of(law, registry).score(TableEvaluation(CODES.astype(np.float32).astype(np.float64) + place, GRID))
    assert moved.value == pytest.approx(unchanged(law, registry), abs=max(law.within, 1e-3))


LARGE = FactorGrid("abc", (8, 9, 10))
LEVELS = LARGE.ids(np.arange(len(LARGE)))
STANDARD = (LEVELS - LEVELS.mean(axis=0)) / LEVELS.std(axis=0)


def spoilt(metric, amount, seed):
    """Codes of one factor each, with noise; where factors play no part, with the same noise in all codes."""
    shape = LEVELS.shape if "factors" in metric.needs else (len(LEVELS), 1)
    codes = STANDARD + amount * np.random.default_rng(seed).normal(size=shape)
    return TableEvaluation((codes / codes.std(axis=0)).astype(np.float32), LARGE, seed=seed)


@pytest.mark.parametrize("law", [law for law in LAWS if law.noise], ids=str)
def test_more_noise_never_helps_on_average(law, registry):
    metric = metric_of(law, registry)
    scores = [
        np.mean([metric.score(spoilt(metric, amount, seed)).value for seed in range(3)]) for amount in (0, 0.7, 3)
    ]
    assert scores == sorted(scores, reverse=metric.higher_is_better)
    assert scores[0] != scores[-1]
