"""What a model starts with: what its constructor left, what `initialise` draws, and what is set after that."""

import copy

import pytest
import torch
from torch import nn

from harness import ImageSpec, Model, Rng, Settings, UserError
from harness.model import build, initialise

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
        if isinstance(layer, nn.Linear):
            layer.weight.data = rng.normal(3, 3)
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


CHANGES = [load, copy_a_network, set_data, assign, apply]


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
        UserError, match=r"Changed: the constructor loads, copies or sets .*weight.* `after_initialise`"
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
        self.rest[0].bias.uniform_()

    one, other = (built(Drawn, change, after_initialise=after_initialise) for _ in range(2))
    assert torch.equal(one.average.weight, one.first.weight)
    assert one.average.weight is not one.first.weight
    assert torch.equal(one.rest[0].bias, other.rest[0].bias)
    assert one.rest[0].bias.std() > 0


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
