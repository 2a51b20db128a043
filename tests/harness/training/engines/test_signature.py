"""Models are alike where whatever they hold beside their numbers is equal, in whatever it lies."""

import array
import collections
import functools
import random
import threading
import types
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from images import Noise
from torch import nn

from harness import Adam, Field, ImageSpec, Model, Objective, Settings
from harness.testing.comparison import compare_fleet
from harness.training.engines.signature import signature_of


class Holding(Model):
    """Holds anything."""

    class Config(Settings):
        weight: float = Field(1.0, description="read by the loss")

    def __init__(self, config=None, image=None):
        super().__init__(config or self.Config(), image or ImageSpec(1, 2, 2))
        self.net = nn.Linear(4, 2)

    def objectives(self):
        return [Objective("net", [self.net], self.loss, Adam(0.1))]

    def loss(self, images, draws):
        return {"mean": self.config.weight * self.net(images).mean()}


class Other(Holding):
    pass


class Slots:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class SlotsAndMore(Slots):
    def __init__(self, value):
        super().__init__(value)
        self.more = 1


class Knot:
    def __init__(self, value):
        self.value, self.itself = value, self

    def method(self):
        return self.value


Pair = collections.namedtuple("Pair", "one other")


@dataclass(frozen=True, slots=True)
class Frozen:
    value: float


def lambda_of(value):
    return (lambda x: x) if value > 1 else (lambda x: -x)


def closure_of(value):
    def inner(x, *, by=value):
        return x * value * by

    return inner


def class_of(value):
    class Made(nn.Module):
        def forward(self, x):
            return value * x

    return Made


def hooked(value):
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    layer.register_forward_hook(functools.partial(lambda layer, x, y, by: by * y, by=value))
    return layer


def chain(value, links):
    for _ in range(links):
        value = [value]
    return value


LOOKED_INTO = {
    "numbers in a list": lambda v: [1, {"a": (v, None)}],
    "a partial function": lambda v: functools.partial(nn.functional.leaky_relu, negative_slope=v),
    "a lambda": lambda_of,
    "a closure": closure_of,
    "a class made in a function": class_of,
    "a layer of such a class": lambda v: class_of(v)(),
    "slots": Slots,
    "slots and more": SlotsAndMore,
    "a frozen dataclass": Frozen,
    "a named tuple": lambda v: Pair(v, 1),
    "a deque": lambda v: collections.deque([v]),
    "an ordered mapping": lambda v: collections.OrderedDict(a=v),
    "a mapping that is only looked at": lambda v: types.MappingProxyType({"a": v}),
    "an array": lambda v: array.array("d", [v]),
    "an array of NumPy's": lambda v: np.full(3, v),
    "one of objects": lambda v: np.array([Slots(v)], dtype=object),
    "a generator of Python's": lambda v: random.Random(int(10 * v)),
    "a generator of NumPy's": lambda v: np.random.default_rng(int(10 * v)),
    "a complex number": lambda v: complex(0, v),
    "a set": lambda v: {v},
    "what holds itself": Knot,
    "a distribution": lambda v: torch.distributions.Normal(torch.zeros(2), torch.full((2,), v)),
    "a tensor": lambda v: torch.full((2,), v),
    "parameters in a deque": lambda v: collections.deque([nn.Parameter(torch.full((2,), v))]),
    "layers in a list": lambda v: [nn.ELU(v)],
    "a layer with a hook": lambda v: [hooked(v)],
    "a configuration": lambda v: Holding.Config(weight=v),
    "a method of something": lambda v: Knot(v).method,
}


def of(value):
    model = Holding()
    model.extra = value
    return signature_of(model)


@pytest.mark.parametrize("make", LOOKED_INTO.values(), ids=LOOKED_INTO)
def test_structure_looks_into_attributes(make):
    assert of(make(0.5)) == of(make(0.5))
    assert of(make(0.5)) != of(make(2.0))


@pytest.mark.parametrize(
    "value", [nn.functional.relu, torch.relu, Model, {3, 4}, chain(1, 5), types.SimpleNamespace(a=1)]
)
def test_what_is_the_same_is_alike(value):
    assert of(value) == of(value)


@pytest.mark.parametrize("make", [threading.Lock, lambda: chain(1, 100_000)])
def test_what_cannot_be_looked_into_is_like_nothing_else(make):
    one, other = make(), make()
    assert of(one) != of(other)


def test_methods_and_classes_count():
    def bound(model):
        model.extra = model.loss
        return signature_of(model)

    assert bound(Holding()) == bound(Holding())
    assert signature_of(Holding()) != signature_of(Other())
    assert of(Settings) != of(Model)
    assert signature_of(Holding(Holding.Config(weight=3.0))) == signature_of(Holding())


class Projecting(Holding):
    """Sees images through a layer that is no part of it, and another for each seed."""

    def __init__(self, config, image):
        super().__init__(config, image)
        self.eyes = collections.deque([nn.Linear(4, 4).requires_grad_(False)])

    def loss(self, images, draws):
        return {"error": (self.net(self.eyes[0](images.flatten(1))) - self.config.weight).square().mean()}


def test_checks_train_together_only_what_runs_do():
    found = compare_fleet(Projecting, {}, Noise(ImageSpec(1, 2, 2)), steps=3, double=False)
    assert found.apart == [0, 0, 0]
    assert found.notes == [
        "each seed's model holds something else beside its parameters and buffers, so that there are no fleets"
    ]
