"""Every optimizer trains alike by every engine, clipped and at a rate that changes, and goes on from a checkpoint."""

from functools import partial
from typing import Literal

import pytest
import torch
from torch import nn

from harness import SGD, Adam, AdamW, Field, ImageSpec, Model, Objective, RMSprop, Rng, Settings
from harness.dataset import Dataset
from harness.model import build
from harness.testing.comparison import compare_engine, compare_fleet
from harness.testing.fake_cuda_graph import FakeCudaCapture
from harness.training.batches import Batches
from harness.training.engines.eager import EagerStepper
from harness.training.engines.graph import GraphStepper

KINDS = {
    "adam": Adam,
    "adamw": partial(AdamW, weight_decay=0.1),
    "rmsprop": partial(RMSprop, momentum=0.5),
    "sgd": partial(SGD, momentum=0.9),
}


class Noise(Dataset):
    image = ImageSpec(1, 4, 4)

    def __init__(self):
        super().__init__(Settings())
        self.all = Rng(0).uniform(20, 1, 4, 4)

    def __len__(self):
        return 20

    def images(self, indices):
        return self.all[indices]


class Autoencoder(Model):
    """Two objectives of one kind of optimizer: a steady rate, and one that falls; only the first is clipped."""

    class Config(Settings):
        kind: Literal["adam", "adamw", "rmsprop", "sgd"] = Field("adam", description="of optimizer")
        rate: float = Field(0.01, gt=0, description="learning rate")
        clip: float = Field(0.5, gt=0, description="largest norm")

    def __init__(self, config, image):
        super().__init__(config, image)
        self.encoder, self.decoder = nn.Linear(16, 3), nn.Linear(3, 16)

    def objectives(self):
        make, rate = KINDS[self.config.kind], self.config.rate
        return [
            Objective("encoder", [self.encoder], self.error, make(rate, clip=self.config.clip)),
            Objective("decoder", [self.decoder], self.error, make(lambda step: rate / (1 + step))),
        ]

    def error(self, images, draws):
        flat = images.flatten(1)
        return {"error": (self.decoder(self.encoder(flat)) - flat).square().sum(1).mean()}


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimizer_trains_in_fleets_and_graphs_as_alone(kind):
    capture = FakeCudaCapture()
    for found in (
        compare_fleet(Autoencoder, {"kind": kind}, Noise(), steps=6),
        compare_fleet(Autoencoder, {"kind": kind}, Noise(), steps=10, capture=capture),
        compare_engine(partial(GraphStepper, capture=capture), Autoencoder, {"kind": kind}, Noise(), steps=10),
    ):
        assert max(found.apart) < 1e-12
        assert not found.notes
    assert capture.captured


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_continues_from_its_state(kind):
    def stepper():
        model = build(Autoencoder, Autoencoder.Config(kind=kind), Noise.image, Rng(0)).train()
        return EagerStepper(model, Batches(Noise(), 5, 0), Rng(1), Rng(2))

    whole, first, second = stepper(), stepper(), stepper()
    for step in range(6):
        whole.step(step)
    for step in range(3):
        first.step(step)
    second.restore({name: value.clone() for name, value in first.state().items()})
    for step in range(3, 6):
        second.step(step)
    assert all(torch.equal(value, second.state()[name]) for name, value in whole.state().items())
