"""What fails for the numbers of one member of a fleet, in a call that has worked before, is that member's own."""

import pytest
import torch
from images import Noise
from torch import nn

from harness import Adam, Field, ImageSpec, Model, Objective, Rng, Settings
from harness.model import build
from harness.training.batches import Batches
from harness.training.engines.eager import EagerStepper
from harness.training.engines.fleet import FleetEngine

IMAGE = ImageSpec(1, 4, 4)


class Guess(Model):
    """Learns a probability, which torch refuses where it is none; with batch normalisation."""

    class Config(Settings):
        wrong_at: int = Field(99, description="the step from which the probability is 2")

    def __init__(self, config, image):
        super().__init__(config, image)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3, bias=False), nn.BatchNorm1d(3), nn.Linear(3, 1))

    def schedule(self, step):
        return {"probability": 0.3 if step < self.config.wrong_at else 2.0}

    def objectives(self):
        return [Objective("net", [self.net], self.loss, Adam(0.01))]

    def loss(self, images, draws):
        found = self.net(images).sigmoid()
        return {"error": nn.functional.binary_cross_entropy(found, draws["probability"].expand_as(found))}


def members(*wrong_at):
    def make(seed, step):
        model = build(Guess, Guess.Config(wrong_at=step), IMAGE, Rng(seed)).train()
        return EagerStepper(model, Batches(Noise(IMAGE), 5, seed), draws=Rng(seed + 100), resets=Rng(seed + 200))

    return [make(seed, step) for seed, step in enumerate(wrong_at)]


@pytest.mark.parametrize("wrong_at", [(99, 3, 99), (3, 99, 99), (99, 3, 4)])
def test_the_others_go_on_as_they_do_alone(wrong_at):
    notes = []
    fleet, left = FleetEngine(members(*wrong_at), notes.append), [0, 1, 2]
    for step in range(6):
        fleet.step([step] * len(left))
        failed = [left[position] for position in fleet.failures]
        assert failed == [seed for seed in left if wrong_at[seed] == step]
        assert all("should be between 0 and 1" in str(error) for error in fleet.failures.values())
        if failed:
            assert "should be between 0 and 1" in notes.pop()
            fleet.leave([left.index(seed) for seed in failed])
            left = [seed for seed in left if seed not in failed]
    alone = members(*wrong_at)
    for seed, found in zip(left, fleet.members, strict=True):
        for step in range(6):
            alone[seed].step(step)
        for name, value in alone[seed].state().items():
            torch.testing.assert_close(found.state()[name], value, rtol=1e-4, atol=1e-5)
