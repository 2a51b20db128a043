import random
from contextlib import suppress

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import Categorical, LatentSpace, Normal, Rng, Sphere, Uniform
from harness.seeds import governed, numpy_rng, seed_for

PURPOSES = st.lists(st.one_of(st.integers(), st.text()), min_size=1, max_size=3)


@given(PURPOSES, PURPOSES)
def test_equal_purposes_and_only_they_have_equal_seeds(a, b):
    assert (seed_for(*a) == seed_for(*b)) == (a == b)


def test_streams_of_one_purpose_repeat():
    assert torch.equal(Rng.of(1, "draws").normal(5), Rng.of(1, "draws").normal(5))
    assert not torch.equal(Rng.of(1, "draws").normal(5), Rng.of(2, "draws").normal(5))
    assert numpy_rng(1, "x").integers(1000) == numpy_rng(1, "x").integers(1000)


def test_a_stream_continues_from_its_state():
    rng = Rng(3)
    rng.uniform(7)
    state = rng.state
    expected = rng.permutation(10)
    rng.state = state
    assert torch.equal(rng.permutation(10), expected)


def test_governing_torch_leaves_the_global_generator_as_it_was():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    with Rng(5).governing_torch():
        first = torch.nn.Linear(3, 3).weight
    with Rng(5).governing_torch():
        second = torch.nn.Linear(3, 3).weight
    assert torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_global_generators_are_governed_by_a_purpose_and_put_back():
    def drawn():
        return random.random(), np.random.rand(), torch.rand(1).item()

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = drawn()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with governed("one"):
        first = drawn()
    with suppress(ZeroDivisionError), governed("one"):
        again = drawn()
        raise ZeroDivisionError
    with governed("other"):
        other = drawn()
    assert first == again
    assert set(first).isdisjoint(other)
    assert drawn() == expected


def test_ranges():
    rng = Rng(0)
    uniform = rng.uniform(1000, low=-2, high=3)
    assert -2 <= uniform.min() < -1.9
    assert 2.9 < uniform.max() < 3
    assert set(rng.integers(200, high=4).tolist()) == {0, 1, 2, 3}


def test_latent_parts_stand_side_by_side_and_split_again():
    space = LatentSpace({"digit": Categorical(10), "style": Uniform(2), "noise": Sphere(5)}, codes=["digit", "style"])
    latents = space.draw(64, Rng(0))
    parts = space.split(latents)
    assert latents.shape == (64, 17)
    assert torch.equal(parts["digit"].sum(dim=1), torch.ones(64))
    assert parts["style"].abs().max() <= 1
    assert torch.allclose(parts["noise"].norm(dim=1), torch.ones(64))
    assert torch.equal(space.join(parts), latents)


def test_a_fixed_code_is_shared_and_nothing_else_is():
    space = LatentSpace({"digit": Categorical(10), "style": Uniform(2), "noise": Normal(3)}, codes=["digit", "style"])
    assert [list(columns) for columns in space.code_columns] == [list(range(10)), [10], [11]]
    for code, columns in enumerate(space.code_columns):
        varying = space.draw_with_fixed_code(200, code, Rng(1)).std(dim=0) > 0
        fixed = torch.zeros(15, dtype=torch.bool)
        fixed[list(columns)] = True
        assert torch.equal(varying, ~fixed)


def test_entropies_are_those_of_the_distributions():
    torch_entropies = {
        Uniform(3, -1, 2): 3 * torch.distributions.Uniform(-1.0, 2.0).entropy(),
        Normal(4): 4 * torch.distributions.Normal(0.0, 1.0).entropy(),
        Categorical(7): torch.distributions.Categorical(logits=torch.zeros(7)).entropy(),
        Sphere(2): torch.tensor(2 * torch.pi).log(),
        Sphere(3): torch.tensor(4 * torch.pi).log(),
    }
    for part, expected in torch_entropies.items():
        assert abs(part.entropy - float(expected)) < 1e-5
