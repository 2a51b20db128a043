"""Walks through latent spaces keep to the prior, and move nothing but what they should."""

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import Categorical, LatentSpace, Normal, Rng, Sphere, Uniform
from harness.errors import NotApplicableError
from harness.latents import Part
from harness.pictures import latent_paths

PARTS = {"digit": Categorical(3), "style": Uniform(2, low=-2, high=4), "free": Normal(2), "place": Sphere(3)}
SPACE = LatentSpace(PARTS)


def points(n, space=SPACE):
    return space.draw(n, Rng.of("test"))


def test_codes_have_names_and_columns():
    space = LatentSpace({"noise": Normal(4), **PARTS}, codes=["digit", "style"])
    found = latent_paths.codes_of(space)
    assert [code.name for code in found] == ["digit", "style 0", "style 1"]
    assert [code.columns for code in found] == space.code_columns
    assert [code.siblings for code in found] == [range(4, 7), range(7, 9), range(7, 9)]


@dataclass(frozen=True)
class Tens(Part):
    """A part that the harness does not know: always between 10 and 20."""

    def draw(self, n, rng):
        return rng.uniform(n, self.size, low=10, high=20)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        (Uniform(1), [-1, -0.5, 0, 0.5, 1]),
        (Uniform(1, low=0, high=8), [0, 2, 4, 6, 8]),
        (Normal(3), [-2, -1, 0, 1, 2]),
        (Sphere(16), [-0.5, -0.25, 0, 0.25, 0.5]),
        (Sphere(2), [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_values_go_from_low_to_high(part, values):
    assert latent_paths.step_values(part, 5).flatten().tolist() == pytest.approx(values)


@given(st.floats(-3, 3), st.floats(0.1, 3), st.integers(2, 6))
def test_chosen_bounds_are_where_numbers_begin_and_end(low, width, steps):
    for part in (Uniform(1), Normal(3), Tens(1)):
        values = latent_paths.step_values(part, steps, (low, low + width)).flatten()
        assert values.tolist() == pytest.approx([low + width * k / (steps - 1) for k in range(steps)], abs=1e-5)
        assert latent_paths.step_labels(part, steps, (low, low + width))[0] == f"{values[0].item():.2f}"
    assert torch.equal(latent_paths.step_values(Categorical(4), steps, (low, low + width)), torch.eye(4))


def test_bounds_outside_a_sphere_are_refused():
    assert latent_paths.step_values(Sphere(4), 3, (-1, 1)).flatten().tolist() == [-1, 0, 1]
    with pytest.raises(NotApplicableError, match="sphere of radius 1, and none can go from -1 to 2"):
        latent_paths.step_values(Sphere(4), 3, (-1, 2))


def test_a_categorical_code_takes_each_category_once():
    assert torch.equal(latent_paths.step_values(Categorical(4), 9), torch.eye(4))
    assert latent_paths.step_labels(Categorical(4), 9) == ["0", "1", "2", "3"]


def test_an_unknown_part_stays_within_what_it_draws():
    values = latent_paths.step_values(Tens(1), 3).flatten().tolist()
    assert values == pytest.approx([10.25, 15, 19.75], abs=0.3)


@given(st.integers(0, 7), st.integers(2, 6))
def test_a_traversal_moves_one_code_and_stays_on_the_prior(number, steps):
    code = latent_paths.codes_of(SPACE)[number]
    others = points(3)
    varied = latent_paths.traversal(code, others, steps)
    assert varied.shape == (3 if code.name == "digit" else steps, 3, SPACE.width)
    fixed = [
        c for c in range(SPACE.width) if c not in (code.siblings if code.name.startswith("place") else code.columns)
    ]
    assert torch.equal(varied[..., fixed], others[:, fixed].expand(len(varied), -1, -1))
    moved = varied[:, :, code.columns.start : code.columns.stop]
    assert torch.equal(moved, latent_paths.step_values(code.part, steps)[:, None].expand(-1, 3, -1))
    length = SPACE.split(varied.flatten(0, 1))["place"].norm(dim=1)
    assert torch.allclose(length, torch.ones_like(length), atol=1e-5)


@given(st.floats(0, 1))
def test_between_two_points_lie_points_of_the_prior(share):
    start, end = points(2).split(1)
    parts = SPACE.split(latent_paths.between(SPACE, start, end, share))
    ends = SPACE.split(start), SPACE.split(end)
    for name in ("style", "free"):
        assert torch.allclose(parts[name], (1 - share) * ends[0][name] + share * ends[1][name], atol=1e-5)
    assert parts["place"].norm().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(parts["digit"], ends[share >= 0.5]["digit"])


def test_the_way_on_a_sphere_has_equal_angles():
    space = LatentSpace({"place": Sphere(2)})
    start, end = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    third = latent_paths.between(space, start, end, 1 / 3)
    assert third.flatten().tolist() == pytest.approx([math.cos(math.pi / 6), 0.5], abs=1e-6)
    assert torch.allclose(latent_paths.between(space, start, start, 0.3), start)


def test_the_nearest_point_on_the_prior():
    latents = torch.tensor([[0.1, 0.7, 0.3, 9.0, -9.0, 5.0, 6.0, 0.0, 3.0, 4.0]])
    parts = SPACE.split(latent_paths.on_prior(SPACE, latents))
    assert parts["digit"].tolist() == [[0, 1, 0]]
    assert parts["style"].tolist() == [[9, -9]]
    assert parts["free"].tolist() == [[5, 6]]
    assert parts["place"].flatten().tolist() == pytest.approx([0, 0.6, 0.8])
    drawn = points(5)
    assert torch.allclose(latent_paths.on_prior(SPACE, drawn), drawn)


def test_a_closed_walk_ends_where_it_began():
    corners = points(4)
    ways = list(latent_paths.closed_walk(SPACE, corners, steps=3))
    assert [tuple(way.shape) for way in ways] == [(3, SPACE.width)] * 4
    for number, way in enumerate(ways):
        assert torch.allclose(way[0], corners[number], atol=1e-5)
        assert torch.allclose(way[-1], corners[(number + 1) % 4], atol=1e-5)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=9))
def test_a_number_means_the_same_sample_whatever_it_is_drawn_with(numbers):
    device = torch.device("cpu")
    together = latent_paths.numbered_latents(SPACE, numbers, 1, device)
    alone = torch.cat([latent_paths.numbered_latents(SPACE, [number], 1, device) for number in numbers])
    assert torch.equal(together, alone)


def test_different_numbers_and_seeds_are_different_samples():
    device = torch.device("cpu")
    some = [latent_paths.numbered_latents(SPACE, range(130), seed, device) for seed in (0, 1)]
    assert len(torch.unique(torch.cat(some), dim=0)) == 260
