"""What a model starts with: what its constructor left, what `initialise` draws, and what is set after that."""

import copy
import random

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from harness import ImageSpec, Model, Rng, Settings, UserError
from harness.model import build, initialise, outline

IMAGE = ImageSpec(1, 4, 4)


class Plain(Model):
    """Two layers, which start as torch starts them."""

    def __init__(self, config, image):
        super().__init__(config, image)
        self.first = nn.Linear(3, 3)
        self.rest = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
        self.change()

    def change(self):
        """Whatever else a constructor does."""


class Drawn(Plain):
    """Draws its weights itself."""

    def initialise(self, layer, rng):
        if layer is not self and hasattr(layer, "weight") and layer.weight.shape == (3, 3):
            layer.weight.data = rng.normal(3, 3)
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)


def load(model):
    model.load_state_dict({name: torch.full_like(value, 7) for name, value in model.state_dict().items()})


def copy_a_network(model):
    model.average = copy.deepcopy(model.first)


def set_data(model):
    model.first.weight.data.fill_(7)


def assign(model):
    model.first.weight = nn.Parameter(torch.full((3, 3), 7.0))


def apply(model):
    model.apply(lambda layer: nn.init.orthogonal_(layer.weight) if isinstance(layer, nn.Linear) else None)


def add_a_loaded_layer(model):
    layer = nn.Linear(3, 3)
    load(layer)
    model.loaded = layer


def add_a_layer_that_loads_itself(model):
    class Loading(nn.Linear):
        def __init__(self):
            super().__init__(3, 3)
            load(self)

    model.loaded = nn.Sequential(Loading())


def add_an_embedding_from_elsewhere(model):
    model.loaded = nn.Embedding.from_pretrained(torch.arange(9.0).view(3, 3), freeze=False)


def add_a_layer_of_given_numbers(model):
    class Given(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.arange(9.0).view(3, 3))

    model.loaded = Given()


def copy_into_a_buffer(model):
    model.register_buffer("average", model.first.weight.detach().clone())


CHANGES = [
    load, copy_a_network, set_data, assign, apply, add_a_loaded_layer, add_a_layer_that_loads_itself,
    add_an_embedding_from_elsewhere, add_a_layer_of_given_numbers, copy_into_a_buffer,
]  # fmt: skip


def built(base, change, **methods):
    return build(type("Changed", (base,), {"change": change, **methods}), Settings(), IMAGE, Rng(0))


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_constructor_has_set_stands(change):
    model = built(Plain, change)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    change(model)
    if change is apply:
        torch.testing.assert_close(before["first.weight"] @ before["first.weight"].T, torch.eye(3))
    else:
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("change", CHANGES)
def test_what_initialise_would_undo_is_refused_with_what_to_do(change):
    with pytest.raises(
        UserError, match=r"Changed: the constructor loads, copies or sets .*(weight|average).* `after_initialise`"
    ):
        built(Drawn, change)


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_pretrained_network_has_is_left_alone(change):
    def pretrained(self):
        return [self]

    model = built(Drawn, change, pretrained=pretrained)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    initialise(model, model, Rng(1))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_is_set_after_initialisation_stands_and_is_drawn_from_the_trials_generator():
    def change(self):
        self.average = nn.Linear(3, 3)

    def after_initialise(self):
        self.average.load_state_dict(self.first.state_dict())
        self.rest[0].bias.copy_(torch.from_numpy(np.random.rand(3)) + random.random())

    one, other = (built(Drawn, change, after_initialise=after_initialise) for _ in range(2))
    assert torch.equal(one.average.weight, one.first.weight)
    assert one.average.weight is not one.first.weight
    assert torch.equal(one.rest[0].bias, other.rest[0].bias)
    assert one.rest[0].bias.std() > 0


def test_what_initialise_draws_from_a_global_generator_is_the_seeds():
    def drawn(self, layer, rng):
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight)

    one, same, other = (
        build(type("Changed", (Plain,), {"initialise": drawn}), Settings(), IMAGE, Rng(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(one.first.weight, same.first.weight)
    assert not torch.equal(one.first.weight, other.first.weight)
    assert not torch.equal(one.first.weight, one.rest[0].weight)


def test_what_layers_draw_for_themselves_is_no_loss():
    class Own(nn.Module):
        def __init__(self, weight):
            super().__init__()
            self.weight = nn.Parameter(weight)

    class InPlace(Own):
        def __init__(self):
            super().__init__(torch.empty(3, 3))
            nn.init.orthogonal_(self.weight)

    def change(self):
        normalised = nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
        drawn, left, ones = Own(torch.randn(3, 3)), Own(torch.empty(3, 3)), Own(torch.ones(3, 3))
        self.more = nn.Sequential(
            normalised, nn.Linear(3, 3).double(), drawn, InPlace(), left, ones, nn.Embedding(3, 3)
        )

    state, mode = torch.random.get_rng_state(), torch.get_deterministic_debug_mode()
    model = built(Drawn, change)
    assert all(layer.weight.isfinite().all() for layer in model.more)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_deterministic_debug_mode() == mode


@pytest.mark.parametrize("base", [Plain, Drawn])
def test_a_layer_without_a_size_is_refused(base):
    def change(self):
        self.lazy = nn.LazyLinear(3)

    with pytest.raises(UserError, match=r"Changed: lazy.weight, lazy.bias have no size yet; give layers their sizes"):
        built(base, change)


@pytest.mark.parametrize("base", [Plain, Drawn])
def test_layers_may_share_a_parameter(base):
    def change(self):
        self.rest[0].weight = self.first.weight

    model = built(base, change)
    assert model.rest[0].weight is model.first.weight
    assert len(list(model.parameters())) == 5


def test_constants_that_initialise_sets_again_are_no_loss():
    def change(self):
        nn.init.zeros_(self.first.bias)

    assert not built(Drawn, change).first.bias.any()


LIBRARY_LAYERS = {
    "attention": lambda: nn.MultiheadAttention(4, 2),
    "a stack of copies": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2),
    "a whole transformer": lambda: nn.Transformer(4, 2, 1, 1, 8, batch_first=True),
    "a recurrent one": lambda: nn.GRU(3, 2),
    "numbers in a list": lambda: nn.ParameterList([torch.randn(3), torch.zeros(2)]),
    "cast": lambda: nn.Linear(3, 3).double(),
    "a network of torchvision's": lambda: torchvision.ops.MLP(3, [4, 5]),
    "in a sequence": lambda: nn.Sequential(nn.MultiheadAttention(4, 2), nn.PReLU()),
}


def add(make):
    def change(self):
        self.more = make()

    return change


def draw_all(self, layer, rng):
    for parameter in layer.parameters(recurse=False):
        parameter.data = rng.normal(*parameter.shape).to(parameter)


@pytest.mark.parametrize("make", LIBRARY_LAYERS.values(), ids=LIBRARY_LAYERS)
def test_layers_that_initialise_leaves_to_its_default_are_as_they_were_made(make):
    def initialise(self, layer, rng):
        super(type(self), self).initialise(layer, rng)
        if layer is self.first:
            layer.weight.data = rng.normal(3, 3)

    plain, drawn = built(Plain, add(make)), built(Plain, add(make), initialise=initialise)
    assert not torch.equal(plain.first.weight, drawn.first.weight)
    assert all(
        torch.equal(value, drawn.state_dict()[name])
        for name, value in plain.state_dict().items()
        if name != "first.weight"
    )


@pytest.mark.parametrize("make", LIBRARY_LAYERS.values(), ids=LIBRARY_LAYERS)
def test_initialise_may_replace_what_a_librarys_constructor_draws_but_not_what_was_loaded_into_it(make):
    drawn = built(Plain, add(make), initialise=draw_all).more.parameters()
    assert not any(((parameter == 0) | (parameter == 1)).any() for parameter in drawn)

    def made_and_loaded():
        layer, numbers = make(), torch.arange(2.0, 1000.0)
        layer.load_state_dict({name: numbers[: v.numel()].view(v.shape) for name, v in layer.state_dict().items()})
        return layer

    with pytest.raises(UserError, match="the constructor loads, copies or sets more"):
        built(Plain, add(made_and_loaded), initialise=draw_all)


def test_what_a_constructor_draws_into_a_librarys_layer_is_no_less_its_own():
    def change(self):
        self.more = nn.TransformerEncoderLayer(4, 2, 8)
        nn.init.orthogonal_(self.more.linear1.weight)

    with pytest.raises(UserError, match=r"sets more\.linear1\.weight,"):
        built(Plain, change, initialise=draw_all)


def untie(a_weight):
    def change(self):
        self.rest[0].weight = nn.Parameter(a_weight(self.first.weight))

    return change


def set_the_data(model):
    model.rest[0].weight.data = model.first.weight.data


def expand_a_buffer(model):
    model.register_buffer("ones", torch.ones(1).expand(3))


def slice_columns(model):
    both = torch.ones(3, 2)
    model.left, model.right = nn.Parameter(both[:, :1]), nn.Parameter(both[:, 1:])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (untie(lambda weight: weight.T), "first.weight, rest.0.weight"),
        (untie(lambda weight: weight[1:]), "first.weight, rest.0.weight"),
        (untie(lambda weight: weight.detach()), "first.weight, rest.0.weight"),
        (set_the_data, "first.weight, rest.0.weight"),
        (expand_a_buffer, "ones"),
    ],
)
@pytest.mark.parametrize("make", [outline, lambda *model: build(*model, Rng(0))], ids=["outline", "build"])
def test_tensors_that_are_tied_by_their_memory_alone_are_refused(make, change, named):
    with pytest.raises(UserError, match=f"Changed: {named} share memory, .* one parameter"):
        make(type("Changed", (Plain,), {"change": change}), Settings(), IMAGE)


@pytest.mark.parametrize("change", [slice_columns, untie(lambda weight: weight.detach().clone()), add_a_loaded_layer])
def test_tensors_may_be_parts_of_one_memory(change):
    assert len(list(built(Plain, change).parameters())) >= 6


@pytest.mark.parametrize(
    "read",
    [
        lambda model: [rate.item() for rate in torch.linspace(0, 0.1, 3)],
        lambda model: model.first.weight.detach().numpy(),
        lambda model: bool(model.first.weight.isfinite().all()) or 1 / 0,
    ],
)
def test_a_constructor_may_read_numbers(read):
    state = torch.random.get_rng_state()
    model = type("Changed", (Plain,), {"change": read})
    found, made = outline(model, Settings(), IMAGE), build(model, Settings(), IMAGE, Rng(0))
    assert [p.shape for p in found.parameters()] == [p.shape for p in made.parameters()]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_outline_has_no_memory_and_says_nothing_of_what_is_loaded():
    found = outline(type("Changed", (Plain,), {"change": load}), Settings(), IMAGE)
    assert {parameter.device.type for parameter in found.parameters()} == {"meta"}
