"""Partners of images: which factors differ, and by how much."""

import math

import numpy as np
import pytest

from harness import FactorGrid, LaplaceSteps, ResampledFactors
from harness.seeds import numpy_rng

GRID = FactorGrid(["shape", "scale", "x", "y"], [3, 4, 8, 1], categorical=[True, False, False, False])
MANY = 40_000


def drawn(pairs, levels=(1, 2, 3, 0)):
    start = np.tile(np.array(levels), (MANY, 1))
    return start, pairs.partners(GRID, start, numpy_rng("test"))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_so_many_factors_are_drawn_anew_each_uniformly(count):
    start, found = drawn(ResampledFactors(count))
    differ = found != start
    # A factor is among those drawn anew with probability count / 4, and then comes out as it was in 1 of size cases.
    for factor, size in enumerate(GRID.sizes):
        assert differ[:, factor].mean() == pytest.approx(count / 4 * (1 - 1 / size), abs=0.01)
        others = np.bincount(found[differ[:, factor], factor], minlength=size)
        assert others[start[0, factor]] == 0
        assert others.max(initial=0) <= 1.15 * np.delete(others, start[0, factor]).min(initial=others.max(initial=0))
    assert differ.sum(axis=1).max() <= count


def test_a_random_number_of_factors_is_one_half_the_time_and_else_any_below_all():
    large = FactorGrid(["a", "b", "c", "d"], [10_000] * 4)
    start = np.zeros((MANY, 4), dtype=np.int64)
    counts = (ResampledFactors(0).partners(large, start, numpy_rng("test")) != start).sum(axis=1)
    shares = np.bincount(counts, minlength=5)[1:] / MANY
    assert shares == pytest.approx([1 / 2 + 1 / 6, 1 / 6, 1 / 6, 0], abs=0.01)


def test_all_factors_can_be_drawn_anew_and_no_more():
    start, found = drawn(ResampledFactors(9))
    assert ((found >= 0) & (found < np.array(GRID.sizes))).all()
    assert (found[:, 2] == start[:, 2]).mean() == pytest.approx(1 / 8, abs=0.01)


def test_steps_have_the_published_distribution_and_leave_categories_alone():
    rate = 2.0
    start, found = drawn(LaplaceSteps(rate))
    assert (found[:, [0, 3]] == start[:, [0, 3]]).all()
    assert (found != start).any(axis=1).all()
    # By hand, for scale (4 levels, from 2) and x (8 levels, from 3), both steps at once.
    p_scale = np.array([math.exp(-rate * abs(level - 2) / math.log(4)) for level in range(4)])
    p_x = np.array([math.exp(-rate * abs(level - 3) / math.log(8)) for level in range(8)])
    p_scale, p_x = p_scale / p_scale.sum(), p_x / p_x.sum()
    expected = np.outer(p_scale, p_x)
    nothing, expected[2, 3] = expected[2, 3], 0
    # Where neither moved, one of the two does, chosen by a fair coin.
    expected[:, 3] += nothing / 2 * np.where(np.arange(4) == 2, 0, p_scale) / (1 - p_scale[2])
    expected[2, :] += nothing / 2 * np.where(np.arange(8) == 3, 0, p_x) / (1 - p_x[3])
    counts = np.zeros((4, 8))
    np.add.at(counts, (found[:, 1], found[:, 2]), 1)
    assert counts / MANY == pytest.approx(expected, abs=0.01)


def test_images_whose_factors_have_no_order_stay_as_they_are():
    grid = FactorGrid(["shape"], [3], categorical=[True])
    start = np.arange(3)[:, None]
    assert np.array_equal(LaplaceSteps().partners(grid, start, numpy_rng("test")), start)
