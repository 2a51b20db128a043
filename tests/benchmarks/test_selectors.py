"""How long selectors take on 50 models of 10 codes, beside the same definition written the obvious way.

The plain forms compare the first few models only; their seconds are scaled to the number of pairs.
"""

from time import perf_counter

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso

from harness import FactorGrid, TableEvaluation
from harness.selection.judge import RESAMPLES, Comparison, judge
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


@pytest.mark.parametrize("codes", [5, 10])
def test_votes_of_model_centrality(benchmark, codes):
    """All 50 x 50 votes at the authors' sizes, once images are encoded; four encoders stand for all of them."""
    rng = np.random.default_rng(0)
    labels = np.arange(100 * codes) % codes
    tables = [encoded(rng, labels, codes) for _ in range(PLAIN_MODELS)]

    def votes():
        return [vote_accuracy(*tables[pair % PLAIN_MODELS], labels) for pair in range(MODELS**2)]

    found = benchmark.pedantic(votes, rounds=1)
    start = perf_counter()
    expected = [plain_vote_accuracy(*table, labels) for table in tables]
    seconds = (perf_counter() - start) * MODELS**2 / PLAIN_MODELS
    report(benchmark, seconds, abs(np.subtract(found[:PLAIN_MODELS], expected)).max())


def encoded(rng, labels, codes):
    """Codes of groups in which the fixed code tends to vary less, and of unrestricted images."""
    groups = rng.normal(size=(len(labels), 100, codes)).astype(np.float32)
    groups[np.arange(len(labels)), :, labels] *= 0.9
    return groups, rng.normal(size=(73_728, codes)).astype(np.float32)


def plain_vote_accuracy(groups, points, labels):
    votes = np.zeros((groups.shape[-1], labels.max() + 1))
    deviation = points.astype(float).std(axis=0)
    for group, label in zip(groups, labels, strict=True):
        votes[(group / deviation).std(axis=0).argmin(), label] += 1
    return votes.max(axis=1).sum() / len(labels)


def test_judging(benchmark):
    """One selector on one pool of 50 by one metric, with all intervals."""
    rng = np.random.default_rng(0)
    agreements, truth = rng.random((MODELS, MODELS)), rng.random(MODELS)
    selector = UDRLasso(UDRLasso.Config())
    names = [str(number) for number in range(MODELS)]
    found = benchmark(lambda: judge(Comparison(selector, names, agreements), truth))
    start = perf_counter()
    regrets, correlations, draws = [], [], np.random.default_rng(1)
    for _ in range(RESAMPLES):
        members = np.unique(draws.integers(MODELS, size=MODELS))
        inside = agreements[np.ix_(members, members)]
        scores = np.array([np.median(np.delete(inside[:, j], j)) for j in range(len(members))])
        regrets.append(truth[members].max() - truth[members][scores.argmax()])
        correlations.append(spearmanr(scores, truth[members]).statistic)
    seconds = perf_counter() - start
    report(benchmark, seconds, abs(found["rank_correlation_high"] - np.quantile(correlations, 0.975)))


def report(benchmark, seconds, difference):
    if benchmark.stats:  # None under --benchmark-disable
        ours = benchmark.stats.stats.median
        benchmark.extra_info.update(plain_seconds=seconds, difference=difference)
        times = f"{ours:.4f} s, plain {seconds:.4f} s ({seconds / ours:.1f} times)"
        print(f"\n{benchmark.name}: {times}; off by {difference:.1g}")
