"""Selectors by a metric: with few labels, and with none."""

import numpy as np
import pytest

from harness import FactorGrid, NotApplicableError, TableEvaluation, UserError
from harness.suite.build import build_selector
from harness.suite.resolve import resolve_choice

GRID = FactorGrid(["shape", "scale", "x"], [3, 7, 30])


def model(noise, seed=0):
    """Codes that are the factors, mixed with noise."""
    levels = GRID.ids(np.arange(len(GRID))).astype(float)
    codes = levels + noise * levels.std(axis=0) * np.random.default_rng(seed).normal(size=levels.shape)
    return TableEvaluation(codes.astype(np.float32), GRID)


def selector(registry, name, **settings):
    return build_selector(registry, resolve_choice(registry, "selectors", name, settings, "here"))


def information(codes, levels):
    """Mutual information in nats of a code in 20 bins and a factor, written out."""
    edges = np.linspace(codes.min(), codes.max(), 21)
    bins = np.clip(np.searchsorted(edges, codes, side="right") - 1, 0, 19)
    joint = np.zeros((20, levels.max() + 1))
    for b, level in zip(bins, levels, strict=True):
        joint[b, level] += 1 / len(bins)
    outer = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    return float(sum(p * np.log(p / q) for p, q in zip(joint.ravel(), outer.ravel(), strict=True) if p > 0))


def gap(codes, levels):
    """The MIG of codes (n, D) and levels (n, F), written out."""
    gaps = []
    for factor in levels.T:
        first, second = sorted((information(code, factor) for code in codes.T), reverse=True)[:2]
        shares = np.bincount(factor)[np.bincount(factor) > 0] / len(factor)
        gaps.append((first - second) / -(shares * np.log(shares)).sum())
    return np.mean(gaps)


@pytest.mark.parametrize("labelling", ["exact", "binned", "noisy", "partial"])
@pytest.mark.parametrize("count", [100, 300])
def test_the_scores_are_the_metrics_on_labelled_images_alone(registry, labelling, count):
    chooser = selector(registry, "few-labels:mig", labelled_images=count, labelling=labelling)
    pool = [model(noise) for noise in (0.1, 0.4, 1.5)]
    tables = [chooser.labelled(each) for each in pool]
    train = tables[0].fixed["train_index"]
    expected = [gap(table.table[train], table.grid().ids(train)) for table in tables]
    assert chooser.compare(pool) == pytest.approx(expected, abs=1e-6)
    assert expected == sorted(expected, reverse=True)
    assert len(train) == 0.9 * count
    assert {*train, *tables[0].fixed["test_index"]} == set(range(count))
    assert chooser.labels_seen() == str(count)


def labels(registry, labelling):
    """Codes that are the exact factors of the labelled images, and what the labels say."""
    table = selector(registry, "few-labels:mig", labelled_images=600, labelling=labelling).labelled(model(0))
    assert len(table.table) == 600
    return table.table.astype(int), table.grid()


def test_every_model_has_the_same_images_labelled_each_once(registry):
    chooser = selector(registry, "few-labels:mig", labelled_images=100)
    first, second = chooser.labelled(model(0)), chooser.labelled(model(2, seed=1))
    assert np.array_equal(first.grid().levels, second.grid().levels)
    assert len({tuple(row) for row in first.grid().levels.tolist()}) == 100


def test_exact_labels_are_the_factors(registry):
    truth, grid = labels(registry, "exact")
    assert np.array_equal(grid.levels, truth)
    assert list(grid.sizes) == [3, 7, 30]


def test_binned_labels_tell_five_parts_of_a_range_apart(registry):
    truth, grid = labels(registry, "binned")
    assert list(grid.sizes) == [3, 5, 5]
    assert np.array_equal(grid.levels[:, 0], truth[:, 0])
    for factor, size in ((1, 7), (2, 30)):
        assert np.array_equal(grid.levels[:, factor], np.minimum(truth[:, factor] // (size / 5), 4).astype(int))


def test_one_noisy_label_in_ten_is_any_level(registry):
    truth, grid = labels(registry, "noisy")
    wrong = (grid.levels != truth).mean(axis=0)
    assert wrong == pytest.approx(0.1 * (1 - 1 / np.array([3, 7, 30])), abs=0.04)
    assert (grid.levels < np.array(grid.sizes)).all()


def test_partial_labels_are_of_two_factors(registry):
    truth, grid = labels(registry, "partial")
    kept = [list(GRID.names).index(name) for name in grid.names]
    assert len(kept) == 2
    assert np.array_equal(grid.levels, truth[:, kept])
    assert list(grid.sizes) == [GRID.sizes[f] for f in kept]


def test_more_labels_than_images_do_not_apply(registry):
    chooser = selector(registry, "few-labels:mig", labelled_images=10_000)
    with pytest.raises(NotApplicableError, match="there are 630 images, and 10000 are to be labelled"):
        chooser.compare([model(0)])


def test_a_metric_that_sees_no_factors_has_no_few_labels(registry):
    with pytest.raises(UserError, match=r"few-labels: .* is no metric of codes and factors"):
        registry.find("selectors", "few-labels:reconstruction-error").load()


def test_by_a_metric_sees_no_labels_and_turns_the_sign_of_errors(registry):
    chooser = selector(registry, "by:dhsic", points=200)
    metric = registry.find("metrics", "dhsic").load()
    pool = [model(noise) for noise in (0.1, 1.5)]
    found = chooser.compare(pool)
    sign = 1 if metric.higher_is_better else -1
    assert found == pytest.approx([sign * metric(chooser.config).score(each).value for each in pool])
    assert chooser.labels_seen() == "none"
    assert selector(registry, "supervised:dhsic").labels_seen() == "none"
    assert selector(registry, "supervised:mig").labels_seen() == "all"


def test_by_a_metric_that_sees_labels_is_refused(registry):
    with pytest.raises(UserError, match="selector 'by:mig': its metric sees factors; choose supervised:METRIC"):
        registry.find("selectors", "by:mig").load()
