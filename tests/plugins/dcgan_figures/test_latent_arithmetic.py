"""Sums of latents, worked out by hand."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import Categorical, LatentSpace, Normal, Rng, Sphere, Uniform
from harness_dcgan_figures.latent_arithmetic import arithmetic_picture, combine, surroundings

FLAT = LatentSpace({"noise": Uniform(2)})


def test_groups_are_averaged_then_added_and_subtracted():
    a = torch.tensor([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    b = torch.tensor([[0.5, 0.5]])
    c = torch.tensor([[-1.0, 0.0], [-3.0, 2.0]])
    assert combine(FLAT, [a, c], [b]).tolist() == [[-1.5, 1.5]]


def test_sums_stay_on_spheres_and_in_categories():
    space = LatentSpace({"kind": Categorical(3), "place": Sphere(2)})
    a = torch.tensor([[1.0, 0.0, 0.0, 1.0, 0.0]])
    b = torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0]])
    c = torch.tensor([[0.0, 0.0, 1.0, 0.0, 1.0]])
    assert combine(space, [a, c], [b]).tolist() == [[0, 0, 1, 1, 0]]


@given(st.floats(0, 1), st.integers(0, 5))
def test_neighbours_lie_around_the_centre(spread, seed):
    space = LatentSpace({"noise": Normal(7)})
    centre = torch.linspace(-3, 3, 7)[None]
    around = surroundings(space, centre, spread, Rng.of(seed))
    assert around.shape == (9, 7)
    assert torch.equal(around[4], centre[0])
    assert (around - centre).abs().max() <= spread + 1e-6
    if spread > 0.01:
        assert len(torch.unique(around, dim=0)) == 9


def test_the_picture_shows_exemplars_means_result_and_control(painter):
    picture = np.asarray(arithmetic_picture(painter, [[0, 1, 2], [3, 4, 5]], [[6, 7, 8]], seed=0, spread=0.25))
    # Three columns of exemplars, nine results of which one is the centre, and the control.
    assert picture.shape[1] >= 64 * (3 + 3 + 1)
    assert picture.shape[0] >= 64 * 4
