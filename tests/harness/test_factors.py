import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness import FactorGrid

SIZES = st.lists(st.integers(1, 7), min_size=1, max_size=5)


@given(SIZES)
def test_index_and_levels_are_each_others_inverse(sizes):
    grid = FactorGrid([str(i) for i in range(len(sizes))], sizes)
    indices = np.arange(len(grid))
    assert np.array_equal(grid.indices(grid.ids(indices)), indices)
    assert np.array_equal(grid.ids(indices), np.stack(np.unravel_index(indices, sizes), axis=-1))


@given(SIZES, st.data())
def test_groups_share_their_factor_and_no_other(sizes, data):
    grid = FactorGrid([str(i) for i in range(len(sizes))], sizes)
    labels = np.array(data.draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=4)))
    groups = grid.ids(grid.sample_groups(labels, 200, np.random.default_rng(0)))
    for group, label in zip(groups, labels, strict=True):
        varying = [len(set(group[:, factor])) > 1 for factor in range(len(sizes))]
        assert varying == [size > 1 and factor != label for factor, size in enumerate(sizes)]


def test_samples_are_uniform():
    grid = FactorGrid(["a", "b"], [2, 3])
    counts = np.bincount(grid.indices(grid.sample_ids([60_000], np.random.default_rng(0))), minlength=6)
    assert np.abs(counts - 10_000).max() < 400  # four standard deviations


def test_real_values_follow_levels():
    grid = FactorGrid(["shape", "scale"], [2, 3], values=[[1, 2], [0.5, 0.75, 1.0]], categorical=[True, False])
    assert grid.real_values([0, 5]).tolist() == [[1, 0.5], [2, 1.0]]
    assert FactorGrid(["a"], [3]).real_values([2]).tolist() == [[2.0]]


def test_a_traversal_goes_through_one_factor_with_the_others_in_the_middle():
    grid = FactorGrid(["a", "b"], [5, 9])
    assert grid.ids(grid.traversal(1, 5)).tolist() == [[2, 0], [2, 2], [2, 4], [2, 6], [2, 8]]
    assert grid.ids(grid.traversal(0, 20))[:, 0].tolist() == [0, 1, 2, 3, 4]
