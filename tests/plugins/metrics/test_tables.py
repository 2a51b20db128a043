"""Every metric on a table of observations agrees with its value on the grid that they are from."""

import numpy as np
import pytest

import harness

SIZES = (6, 8, 5)
FACTORS = np.stack(np.meshgrid(*[np.arange(size) for size in SIZES], indexing="ij"), -1).reshape(-1, 3)
CODES = np.column_stack(
    [
        FACTORS + 0.25 * np.random.default_rng(0).normal(size=FACTORS.shape),
        FACTORS.sum(axis=1) + np.random.default_rng(1).normal(size=len(FACTORS)),
        np.random.default_rng(2).normal(size=len(FACTORS)),
    ]
)
ORDER = np.random.default_rng(3).permutation(len(FACTORS))
SMALL = {
    "factorvae": {"train_votes": 2000, "eval_votes": 1000},
    "betavae": {"train_examples": 1500, "eval_examples": 1000},
    "dci-explicitness": {"trees": 5},
    "downstream-accuracy": {"sizes": [10, 100], "predictor": "logistic"},
}
WITHIN = {
    "dci": 0.15,
    "dci-lasso": 0.15,
    "dci-lassocv": 0.15,
    "dci-forest": 0.15,
    "downstream-accuracy": 0.2,
    "dci-explicitness": 0.15,
    "med": 0.2,
    "infom": 0.25,
    "dhsic": 0.05,
    "mutual-info-score": 0.4,
    "total-correlation": 0.3,
    "wasserstein-correlation": 0.6,
}
"""How far scores of two thirds of the grid may lie from the grid's, if not 0.1: those that are fitted, those without a
range, and ratios of information, which is biased where there are 160 observations."""


def names():
    """Every registered metric on codes."""
    from harness.plugins.manager import PluginManager

    entries = PluginManager(blocked=["harness_linear"]).registry.entries["metrics"]
    return [name for name, entry in entries.items() if set(entry.load().needs) <= {"encode", "factors"}]


@pytest.fixture(scope="module")
def whole():
    """The scores of each metric on the whole grid, computed once."""
    kept = {}

    def score(name):
        if name not in kept:
            kept[name] = harness.score(CODES, FACTORS, [{"name": name, **SMALL.get(name, {})}]).record(name)
        return kept[name]

    return score


@pytest.mark.parametrize("name", names())
def test_a_complete_grid_in_any_order_has_the_grids_score_exactly(name, whole):
    shuffled = harness.score(CODES[ORDER], FACTORS[ORDER], [{"name": name, **SMALL.get(name, {})}]).record(name)
    assert shuffled.status == "ok", shuffled.reason
    assert (shuffled.score, shuffled.details) == (whole(name).score, whole(name).details)


@pytest.mark.parametrize("name", names())
def test_two_thirds_of_a_grid_score_about_as_the_whole(name, whole):
    rows = ORDER[: 2 * len(ORDER) // 3]
    part = harness.score(CODES[rows], FACTORS[rows], [{"name": name, **SMALL.get(name, {})}]).record(name)
    assert part.status == "ok", part.reason
    assert part.score == pytest.approx(whole(name).score, abs=WITHIN.get(name, 0.1))
