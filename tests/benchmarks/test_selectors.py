"""How long selectors take on 50 models of 10 codes, beside the same definition written the obvious way.

The plain forms compare the first few models only; their seconds are scaled to the number of pairs.
"""

from time import perf_counter

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso

from harness import FactorGrid, TableEvaluation
from harness_selectors.model_centrality import vote_accuracy
from harness_selectors.udr import UDRLasso, UDRSpearman, agreement, standardised

MODELS, CODES, PLAIN_MODELS = 50, 10, 4


@pytest.fixture(scope="module")
def pool():
    """Models that mix five factors in ten noisy codes."""
    grid, rng = FactorGrid("abcde", (3, 6, 12, 8, 8)), np.random.default_rng(0)
    levels = standardised(grid.ids(np.arange(len(grid))).astype(float))

    def codes():
        return levels @ rng.normal(size=(5, CODES)) + 0.3 * rng.normal(size=(len(grid), CODES))

    return [TableEvaluation(codes().astype(np.float32), grid) for _ in range(MODELS)]


def lasso_relation(first, second):
    return abs(np.stack([Lasso(alpha=0.1).fit(first, target).coef_ for target in second.T], axis=1))


def spearman_relation(first, second):
    return abs(spearmanr(first, second).statistic[:CODES, CODES:])


@pytest.mark.parametrize(("selector_class", "relation"), [(UDRLasso, lasso_relation), (UDRSpearman, spearman_relation)])
def test_udr(benchmark, pool, selector_class, relation):
    selector = selector_class(selector_class.Config())
    found = benchmark.pedantic(selector.compare, [pool], rounds=2)
    start = perf_counter()
    index = pool[0].sample("sample", 10_000)
    codes = [standardised(model.codes(index).astype(float)) for model in pool[:PLAIN_MODELS]]
    expected = [[agreement(relation(first, second)) for second in codes] for first in codes]
    seconds = (perf_counter() - start) * (MODELS / PLAIN_MODELS) ** 2
    others = ~np.eye(PLAIN_MODELS, dtype=bool)
    difference = abs(found[:PLAIN_MODELS, :PLAIN_MODELS] - expected)[others].max()
    report(benchmark, seconds, difference)


def test_votes_of_model_centrality(benchmark):
    rng = np.random.default_rng(0)
    groups, points = rng.normal(size=(500, 100, CODES)), rng.normal(size=(10_000, CODES))
    labels = np.arange(500) % CODES
    found = benchmark(vote_accuracy, groups, points, labels)
    start = perf_counter()
    votes = np.zeros((CODES, CODES))
    for group, label in zip(groups, labels, strict=True):
        votes[(group / points.std(axis=0)).std(axis=0).argmin(), label] += 1
    expected = votes.max(axis=1).sum() / 500
    report(benchmark, perf_counter() - start, abs(found - expected))


def report(benchmark, seconds, difference):
    if benchmark.stats:  # None under --benchmark-disable
        ours = benchmark.stats.stats.median
        benchmark.extra_info.update(plain_seconds=seconds, difference=difference)
        times = f"{ours:.4f} s, plain {seconds:.4f} s ({seconds / ours:.1f} times)"
        print(f"\n{benchmark.name}: {times}; off by {difference:.1g}")
