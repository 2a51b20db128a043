"""Layers under two names, shared parameters and replaced buffers: legal PyTorch, and alike in every engine."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from harness import Adam, Field, ImageSpec, Model, Objective, Rng, Settings, UserError
from harness.model import build, objectives_of
from harness.testing.comparison import compare_engine, compare_fleet
from harness.testing.fake_cuda_graph import FakeCudaCapture
from harness.testing.pictures import Squares
from harness.training.engines.graph import GraphStepper
from harness.training.engines.signature import signature_of

IMAGE = ImageSpec(1, 8, 8)


class Base(Model):
    """Predicts the brightness of an image."""

    class Config(Settings):
        lr: float = Field(0.01, description="learning rate")

    def __init__(self, config, image):
        super().__init__(config, image)
        self.first, self.last = nn.Linear(64, 4), nn.Linear(4, 1)
        self.add()
        self.net = nn.Sequential(nn.Flatten(), self.first, *self.between(), self.last)

    def add(self):
        """Make what else there is."""

    def between(self):
        return []

    def objectives(self):
        return [Objective("net", trains=[self.net], loss=self.loss, optimizer=Adam(self.config.lr))]

    def loss(self, images, draws):
        return {"error": (self.net(images) - images.mean((1, 2, 3))[:, None]).square().mean()}


class TwoNames(Base):
    """Every layer is an attribute of the model and a part of its network."""


class NormUnderTwoNames(Base):
    """So is a batch normalisation, whose buffers change."""

    def add(self):
        self.norm = nn.BatchNorm1d(4)

    def between(self):
        return [self.norm]


class SharedWeight(Base):
    """Two layers have one weight."""

    def between(self):
        one, other = nn.Linear(4, 4), nn.Linear(4, 4)
        other.weight = one.weight
        return [one, nn.Tanh(), other]


class SharedBuffer(Base):
    """Two layers have one running average."""

    def between(self):
        one, other = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
        other.running_mean = one.running_mean
        return [one, nn.Tanh(), other]

    def loss(self, images, draws):
        return {"error": super().loss(images, draws)["error"] * (1 + self.net[2].running_mean.square().sum())}


class SharedByTheModel(Base):
    """Two attributes hold one parameter."""

    def add(self):
        self.scale = self.again = nn.Parameter(torch.ones(1))

    def objectives(self):
        return [Objective("all", trains=[self], loss=self.loss, optimizer=Adam(self.config.lr))]

    def loss(self, images, draws):
        return {"error": (self.scale * self.again * self.net(images)).square().mean()}


class Replacing(Base):
    """Assigns a new tensor to a buffer at the end of a step."""

    def add(self):
        self.register_buffer("average", torch.zeros(()))

    def finish_step(self):
        self.average = 0.9 * self.average + self.last.bias.sum()

    def loss(self, images, draws):
        return {"error": super().loss(images, draws)["error"] * (1 + self.average)}


class ReplacingInTheLoss(Replacing):
    """And within a step."""

    def finish_step(self):
        pass

    def loss(self, images, draws):
        terms = super().loss(images, draws)
        with torch.no_grad():
            self.average = 0.9 * self.average + 1
        return terms


class ReplacingAlone(Replacing):
    """Its loss cannot be vmapped, the end of its step can."""

    def loss(self, images, draws):
        terms = super().loss(images, draws)
        return terms if terms["error"] > 0 else {"error": 2 * terms["error"]}


class ShallowCopy(Base):
    """A layer's copy holds its parameters in the same dictionary."""

    def between(self):
        layer = nn.Linear(4, 4)
        return [layer, nn.Tanh(), copy.copy(layer)]


class MovedData(Base):
    """Has a parameter lie elsewhere at the end of a step."""

    def finish_step(self):
        self.first.weight.data = 0.9 * self.first.weight.data


class Counting(Base):
    """Its loss depends on a number that no stack has."""

    def add(self):
        self.step = 0

    def finish_step(self):
        self.step += 1

    def loss(self, images, draws):
        return {"error": super().loss(images, draws)["error"] * (1 + self.step)}


class Averaging(Counting):
    """Its loss depends on a tensor that no stack has, and that is changed in place."""

    def add(self):
        self.step = torch.zeros(())

    @torch.no_grad()
    def finish_step(self):
        self.step += self.last.bias.sum()


MODELS = [
    TwoNames, NormUnderTwoNames, SharedWeight, SharedBuffer, SharedByTheModel, Replacing, ReplacingInTheLoss,
    ReplacingAlone, ShallowCopy, MovedData,
]  # fmt: skip
STATEFUL = [Counting, Averaging]


@pytest.fixture(scope="module")
def dataset():
    made = Squares(IMAGE)
    made.load()
    return made


@pytest.mark.parametrize("model", [*MODELS, *STATEFUL])
def test_it_trains_in_a_fleet_as_alone(model, dataset):
    found = compare_fleet(model, {}, dataset, steps=5)
    assert max(found.apart) < 1e-9
    alone = (ReplacingAlone, MovedData, *STATEFUL)
    assert bool(found.notes) == (model in alone), "all but what branches or cannot be stacked is done at once"


@pytest.mark.parametrize("model", STATEFUL)
def test_what_is_kept_outside_of_buffers_is_done_one_by_one_and_named(model, dataset):
    note = compare_fleet(model, {}, dataset, steps=1).notes[-1]
    assert "is called by one member at a time" in note
    assert "it changes the attribute step; make it a buffer, which is stacked and saved" in note


def test_a_parameter_that_is_another_object_is_refused(dataset):
    class Replaced(Base):
        def finish_step(self):
            self.first.weight = nn.Parameter(0.9 * self.first.weight.detach())

    with pytest.raises(UserError, match="Replaced replaces its parameter weight while it is trained; change it in pl"):
        compare_fleet(Replaced, {}, dataset, steps=2)


def test_a_layer_in_a_plain_list_is_told_apart_and_not_trained():
    class Hidden(Base):
        def add(self):
            self.hidden = [nn.Linear(4, 4)]

    class Trained(Hidden):
        def objectives(self):
            return [Objective("hidden", trains=self.hidden, loss=self.loss, optimizer=Adam(0.01))]

    one, same, other = (signature_of(build(Hidden, Hidden.Config(), IMAGE, Rng(seed))) for seed in (0, 0, 1))
    assert one == same
    assert one != other
    with pytest.raises(UserError, match=r"Trained: objective 'hidden' trains a layer that is no part of the model"):
        objectives_of(build(Trained, Hidden.Config(), IMAGE, Rng(0)))


@pytest.mark.parametrize("model", MODELS)
def test_it_trains_alike_when_its_steps_are_recorded(model, dataset):
    found = compare_engine(partial(GraphStepper, capture=FakeCudaCapture()), model, {}, dataset, steps=7)
    assert max(found.apart) < 1e-9
