"""XYSquares and XYObject: squares where their factors say."""

import numpy as np
import pytest
import torch

from harness_datasets.sprites.squares import XYObject, XYSquares


def load(cls, **config):
    made = cls(cls.Config(**config))
    made.load()
    return made


@pytest.mark.parametrize("cls", [XYSquares, XYObject])
def test_the_contract_is_kept(cls, assert_keeps_contract):
    assert_keeps_contract(load(cls))


def test_each_square_of_xysquares_lies_where_its_factors_say():
    dataset = load(XYSquares)
    assert len(dataset) == 8**6
    levels = np.array([1, 2, 0, 7, 5, 5])
    image = dataset.images(torch.from_numpy(dataset.factors.indices(levels[None])))[0]
    expected = torch.zeros(3, 64, 64)
    for channel, (x, y) in enumerate([(8, 16), (0, 56), (40, 40)]):
        expected[channel, y : y + 8, x : x + 8] = 1
    assert torch.equal(image, expected)


@pytest.mark.parametrize(("spacing", "distances"), [(8, {128.0}), (4, {64.0, 128.0})])
def test_pixels_tell_the_order_of_places_only_where_they_overlap(spacing, distances):
    dataset = load(XYSquares, spacing=spacing)
    line = np.zeros((8, 6), dtype=int)
    line[:, 0] = range(8)
    images = dataset.images(torch.from_numpy(dataset.factors.indices(line)))
    found = (images[:, None] - images[None]).abs().sum((2, 3, 4))
    assert set(found[0, 1:].tolist()) == distances


def test_the_places_of_xysquares_are_centred():
    images = load(XYSquares, spacing=1).images(torch.tensor([0, 8**6 - 1]))
    rows = images[:, 0].sum(2).nonzero()
    assert rows[:, 1].min() == 24
    assert rows[:, 1].max() == 38


def test_xyobject_has_its_place_size_and_colour():
    dataset = load(XYObject)
    assert len(dataset) == 25 * 25 * 5 * 24
    # Size 9 in the middle of 15 pixels, the third hue (green) in the second shade: 255 * 2 // 4 = 127.
    image = dataset.images(torch.from_numpy(dataset.factors.indices([[3, 24, 1, 8]])))[0]
    expected = torch.zeros(3, 64, 64)
    expected[1, 51:60, 9:18] = 127 / 255
    assert torch.allclose(image, expected)
    last = dataset.images(torch.tensor([len(dataset) - 1]))[0]
    assert torch.equal(last[:, 48:63, 48:63], torch.tensor([1.0, 0, 1])[:, None, None].expand(3, 15, 15))
    assert last.sum() == 2 * 15 * 15
