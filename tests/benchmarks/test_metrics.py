"""How long metrics take, beside the same definition written the obvious way.

Each case prints the seconds of both and by how much the scores differ. DCI runs scikit-learn for minutes. The last case
scores the 737,280 points of dSprites with every quick metric and prints the seconds of each.
"""

from time import perf_counter

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score

from harness import FactorGrid, TableEvaluation
from harness.plugins.manager import PluginManager
from harness_metrics.codes.betavae import BetaVAEScore
from harness_metrics.codes.code_information import CodeInformation
from harness_metrics.codes.dci import DCI, concentration
from harness_metrics.codes.dhsic import DHSIC
from harness_metrics.codes.factorvae import FactorVAEScore
from harness_metrics.codes.mig import MutualInformationGap
from support import REFERENCE

DSPRITES = (3, 6, 40, 32, 32)


def load(name):
    """A reference representation, or ten codes, five of which mostly follow a factor and all of which are noisy."""
    if name in ("noisy", "dsprites"):
        grid = FactorGrid("abcde", DSPRITES if name == "dsprites" else (3, 6, 12, 8, 8))
        rng = np.random.default_rng(0)
        ids = grid.ids(np.arange(len(grid)))
        levels = (ids - ids.mean(axis=0)) / ids.std(axis=0)
        codes = levels @ rng.normal(size=(5, 10)) + rng.normal(size=(len(grid), 10))
        codes[:, :5] += 2 * levels
        return TableEvaluation(codes.astype(np.float32), grid)
    with np.load(REFERENCE / f"{name}.npz") as file:
        sizes = file["factor_sizes"].tolist()
        return TableEvaluation(file["codes"], FactorGrid([str(number) for number in range(len(sizes))], sizes))


@pytest.fixture(params=["aligned", "dead_latent", "redundant", "rotated", "noisy"])
def table(request):
    return load(request.param)


@pytest.fixture(scope="module")
def dsprites():
    return load("dsprites")


def compare(benchmark, metric, plain, table):
    """Time a metric by the benchmark and its plain form once."""
    score = benchmark.pedantic(metric.score, [table], rounds=3, warmup_rounds=1)
    start = perf_counter()
    expected = plain(table)
    seconds = perf_counter() - start
    difference = np.subtract([score.value, *map(score.details.get, expected[1])], [expected[0], *expected[1].values()])
    if benchmark.stats:  # None under --benchmark-disable
        ours = benchmark.stats.stats.median
        benchmark.extra_info.update(plain_seconds=seconds, difference=difference.tolist())
        times = f"{ours:.3f} s, plain {seconds:.3f} s ({seconds / ours:.1f} times)"
        print(f"\n{benchmark.name}: {times}; difference {difference.round(5).tolist()}")


def plain_factorvae(table):
    """A loop over votes."""
    grid, rng = table.grid(), np.random.default_rng(1)
    variance = table.codes(table.sample("variance", 10_000)).var(axis=0, ddof=1)
    active = np.sqrt(variance) >= 0.05

    def votes(n):
        counts = np.zeros((len(grid.sizes), active.sum()), dtype=int)
        for _ in range(n):
            factor = rng.integers(len(grid.sizes))
            ids = np.stack([rng.integers(size, size=64) for size in grid.sizes], axis=1)
            ids[:, factor] = ids[0, factor]
            local = table.codes(grid.indices(ids)).var(axis=0, ddof=1)
            counts[factor, np.argmin(local[active] / variance[active])] += 1
        return counts

    train, test = votes(10_000), votes(5_000)
    return test[train.argmax(axis=0), np.arange(active.sum())].sum() / test.sum(), {}


def test_factorvae(benchmark, table):
    compare(benchmark, FactorVAEScore(FactorVAEScore.Config()), plain_factorvae, table)


def plain_betavae(table):
    """A loop over examples."""
    grid, rng = table.grid(), np.random.default_rng(1)

    def examples(n):
        features, labels = [], []
        for _ in range(n):
            factor = rng.integers(len(grid.sizes))
            first, second = (np.stack([rng.integers(size, size=64) for size in grid.sizes], axis=1) for _ in range(2))
            second[:, factor] = first[:, factor]
            difference = abs(table.codes(grid.indices(first)) - table.codes(grid.indices(second)))
            features.append(difference.mean(axis=0))
            labels.append(factor)
        return np.stack(features), labels

    return LogisticRegression().fit(*examples(10_000)).score(*examples(5_000)), {}


@pytest.mark.filterwarnings("ignore")
def test_betavae(benchmark, dsprites):
    compare(benchmark, BetaVAEScore(BetaVAEScore.Config()), plain_betavae, dsprites)


def plain_dhsic(table):
    """All pairs of each code in turn."""
    codes = table.codes(table.rng("dhsic").choice(table.size, size=5_000, replace=False)).astype(float)
    joint, means, rows = 1.0, [], 1.0
    for column in codes.T:
        distance = abs(column[:, None] - column)
        kernel = np.exp(-distance / np.median(distance) ** 2)
        joint, rows = joint * kernel, rows * kernel.mean(axis=1)
        means.append(kernel.mean())
    return joint.mean() + np.prod(means) - 2 * rows.mean(), {}


def test_dhsic(benchmark, dsprites):
    compare(benchmark, DHSIC(DHSIC.Config()), plain_dhsic, dsprites)


def plain_information(table):
    """scikit-learn's mutual information, pair by pair."""
    codes = table.codes(table.sample("train", 10_000))
    bins = [np.digitize(column, np.histogram(column, 20)[1][:-1]) for column in codes.T]
    pairs = [mutual_info_score(one, other) for one in bins for other in bins if one is not other]
    return np.mean(pairs), {}


def test_mutual_info_score(benchmark, dsprites):
    compare(benchmark, CodeInformation(CodeInformation.Config()), plain_information, dsprites)


def plain_mig(table):
    """scikit-learn's mutual information, pair by pair."""
    index = table.sample("train", 10_000)
    codes, factors = table.codes(index), table.grid().ids(index)
    bins = [np.digitize(column, np.histogram(column, 20)[1][:-1]) for column in codes.T]
    information = np.array([[mutual_info_score(code, factor) for factor in factors.T] for code in bins])
    entropy = np.array([mutual_info_score(factor, factor) for factor in factors.T])
    ordered = np.sort(information, axis=0)
    return np.mean((ordered[-1] - ordered[-2]) / entropy), {}


def test_mig(benchmark, table):
    compare(benchmark, MutualInformationGap(MutualInformationGap.Config()), plain_mig, table)


def plain_dci(table):
    """scikit-learn's gradient boosting, factor by factor."""
    train, test = table.sample("train", 10_000), table.sample("test", 5_000)
    codes, factors = table.codes(train), table.grid().ids(train)
    models = [GradientBoostingClassifier(random_state=0).fit(codes, levels) for levels in factors.T]
    importance = np.stack([model.feature_importances_ for model in models], axis=1)
    truth = table.grid().ids(test).T
    accuracy = [model.score(table.codes(test), levels) for model, levels in zip(models, truth, strict=True)]
    details = {"completeness": concentration(importance.T)[0], "informativeness_test": np.mean(accuracy)}
    return concentration(importance)[0], details


def test_dci(benchmark, table):
    compare(benchmark, DCI(DCI.Config()), plain_dci, table)


def test_everything_quick_on_dsprites(benchmark, dsprites):
    """All metrics on codes but DCI by boosting and what contains it."""
    registry = PluginManager().registry
    metrics = {}
    for name in registry.entries["metrics"]:
        metric_class = registry.find("metrics", name).load()
        if name not in ("dci", "dci-explicitness", "downstream-accuracy") and not dsprites.lacks(metric_class.needs):
            metrics[name] = metric_class(metric_class.Config())
    seconds = {}

    def score():
        for name, metric in metrics.items():
            start = perf_counter()
            metric.score(dsprites)
            seconds[name] = round(perf_counter() - start, 3)

    benchmark.pedantic(score, rounds=3)
    benchmark.extra_info.update(seconds)
    print(f"\n{benchmark.name}: {sum(seconds.values()):.2f} s: {seconds}")
