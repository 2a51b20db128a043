"""Rooms: a disc before a wall, on a floor."""

from math import pi

import numpy as np
import pytest
import torch

from harness_datasets.rooms import Rooms


def load(**config):
    made = Rooms(Rooms.Config(**config))
    made.load()
    return made


def image(dataset, *levels):
    return dataset.images(torch.from_numpy(dataset.factors.indices([levels])))[0]


@pytest.mark.parametrize("config", [{}, {"image_size": 24, "colors": 3, "sizes": 1}], ids=str)
def test_the_contract_is_kept(config, assert_keeps_contract):
    assert_keeps_contract(load(**config))


def test_each_colour_is_where_its_factor_says():
    """By hand: a third of the way from one end of each colour to the other."""
    room = image(load(colors=4), 1, 0, 3, 7)
    assert room.shape == (3, 16, 16)
    assert torch.allclose(room[:, -1, 0], torch.tensor([0.4 / 3, 0.2 + 0.7 / 3, 0.1 / 3]))
    assert torch.equal(room[:, 0, 0], torch.tensor([0.0, 0.0, 1.0]))
    assert torch.equal(room[:, 9, 8], torch.tensor([1.0, 1.0, 1.0]))


def test_the_floor_takes_three_eighths():
    rows = image(load(image_size=32), 0, 7, 0, 0)[:, :, 0]
    assert torch.equal(rows[0], torch.tensor([1.0] * 20 + [0.0] * 12))


@pytest.mark.parametrize(("level", "radius"), [(0, 0.15), (7, 0.42)])
def test_the_disc_covers_the_area_of_its_radius(level, radius):
    """Green of a wall without any is that of the disc; the floor's is taken away by a room without a disc."""
    dataset = load(image_size=128, colors=2)
    room = image(dataset, 0, 0, 1, level)
    empty = torch.where(torch.arange(128)[:, None] < 80, 0.0, 0.2).expand(128, 128)
    share = ((room[1] - empty) / (1 - empty)).mean().item()
    assert share == pytest.approx(pi * radius**2, rel=0.01)


def test_one_factor_changes_nothing_else():
    dataset = load()
    base = image(dataset, 3, 3, 3, 3)
    changed = [(image(dataset, *(3 + 2 * (np.arange(4) == factor))) - base).abs().amax(0) > 0 for factor in range(4)]
    floor, wall, thing, edge = changed
    assert not (floor & wall).any()
    assert not floor[:10].any()
    assert not wall[10:].any()
    # The disc's colour changes the disc alone, its size what lies around.
    assert (thing & ~floor & ~wall).any()
    assert not edge[9, 8]
