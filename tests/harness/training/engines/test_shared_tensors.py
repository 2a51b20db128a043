"""Layers under two names, shared parameters and replaced buffers: legal PyTorch, and alike in every engine."""

from functools import partial

import pytest
import torch
from torch import nn

from harness import Adam, Field, ImageSpec, Model, Objective, Settings
from harness.testing.comparison import compare_engine, compare_fleet
from harness.testing.fake_cuda_graph import FakeCudaCapture
from harness.testing.pictures import Squares
from harness.training.engines.graph import GraphStepper

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


MODELS = [
    TwoNames, NormUnderTwoNames, SharedWeight, SharedBuffer, SharedByTheModel, Replacing, ReplacingInTheLoss,
    ReplacingAlone,
]  # fmt: skip


@pytest.fixture(scope="module")
def dataset():
    made = Squares(IMAGE)
    made.load()
    return made


@pytest.mark.parametrize("model", MODELS)
def test_it_trains_in_a_fleet_as_alone(model, dataset):
    found = compare_fleet(model, {}, dataset, steps=5)
    assert max(found.apart) < 1e-9
    assert bool(found.notes) == (model is ReplacingAlone), "all but what branches is done at once"


@pytest.mark.parametrize("model", MODELS)
def test_it_trains_alike_when_its_steps_are_recorded(model, dataset):
    found = compare_engine(partial(GraphStepper, capture=FakeCudaCapture()), model, {}, dataset, steps=7)
    assert max(found.apart) < 1e-9
