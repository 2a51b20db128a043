"""Moving averages of parameters: their numbers, in fleets, in recorded steps and after a restart."""

from functools import partial

import torch
from torch import nn

from harness import Adam, Field, ImageSpec, Model, Objective, Rng, Settings
from harness.model import build
from harness.nn import MovingAverage
from harness.testing import checks
from harness.testing.comparison import compare_engine, compare_fleet
from harness.testing.fake_cuda_graph import FakeCudaCapture
from harness.testing.pictures import Squares
from harness.training.batches import Batches
from harness.training.engines.eager import EagerStepper
from harness.training.engines.graph import GraphStepper

IMAGE = ImageSpec(1, 8, 8)


class Averaged(Model):
    """An autoencoder of which the average reconstructs; its loss tells of the average too."""

    class Config(Settings):
        """Its settings."""

        decay: float = Field(0.5, ge=0, le=1, description="of the average")

    def __init__(self, config, image):
        super().__init__(config, image)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4), nn.Linear(4, 64))
        self.average = MovingAverage(self.net)

    def after_initialise(self):
        self.average.begin(self.net)

    def objectives(self):
        return [Objective("error", [self.net], self.error, Adam(0.01))]

    def error(self, images, draws):
        distance = self.net[1].weight.detach() - self.average.network[1].weight
        return {"error": (self.net(images) - images.flatten(1)).square().mean(), "distance": distance.square().sum()}

    def finish_step(self):
        self.average.follow(self.net, self.config.decay)


def pictures():
    made = Squares(IMAGE)
    made.load()
    return made


def stepper(**settings):
    model = build(Averaged, Averaged.Config(**settings), IMAGE, Rng(0)).train()
    return EagerStepper(model, Batches(pictures(), 8, 0), Rng(1), Rng(2))


def test_the_average_begins_as_a_copy_and_follows_step_by_step():
    engine = stepper(decay=0.75)
    net, average = engine.model.net, engine.model.average.network
    expected = net[1].weight.detach().clone()
    assert torch.equal(average[1].weight, expected)
    for step in range(5):
        engine.step(step)
        expected = 0.75 * expected + 0.25 * net[1].weight.detach()
        torch.testing.assert_close(average[1].weight, expected)
        assert torch.equal(average[2].running_mean, net[2].running_mean)
        assert not torch.equal(average[1].weight, net[1].weight)


def test_without_decay_the_average_is_the_network():
    engine = stepper(decay=0.0)
    engine.step(0)
    own, other = engine.model.average.network.state_dict(), engine.model.net.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in own.items())


def test_averages_are_alike_in_fleets_and_recorded_steps():
    capture = FakeCudaCapture()
    for found in (
        compare_fleet(Averaged, {}, pictures(), steps=5),
        compare_fleet(Averaged, {}, pictures(), steps=10, capture=capture),
        compare_engine(partial(GraphStepper, capture=capture), Averaged, {}, pictures(), steps=10),
    ):
        assert max(found.apart) < 1e-12
        assert not found.notes
    assert capture.captured


def test_a_model_with_an_average_keeps_its_contract():
    for check in checks(Averaged, {}, image=IMAGE):
        check()
