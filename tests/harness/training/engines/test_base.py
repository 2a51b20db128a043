"""Engines that compile or record, beside the eager one, on every device there is."""

import pytest
import torch
from images import Noise
from torch import nn

from harness import Adam, ImageSpec, Model, Objective, Rng, Settings
from harness.model import build
from harness.training.batches import Batches
from harness.training.engines.base import make_stepper
from harness.training.engines.fleet import FleetEngine

IMAGE = ImageSpec(1, 8, 8)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


class SmallGAN(Model):
    """Convolutions, batch normalisation, a gradient penalty, a late term, a reset: what engines may stumble over."""

    def __init__(self, config, image):
        super().__init__(config, image)
        self.generator = nn.Sequential(
            nn.Linear(3, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Unflatten(1, (8, 2, 2)),
            nn.ConvTranspose2d(8, 4, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(4, 1, 4, 2, 1),
            nn.Sigmoid(),
        )
        self.critic = nn.Sequential(
            nn.Conv2d(1, 4, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4, 8, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(32, 1),
        )
        self.register_buffer("average", torch.zeros(()))

    def draw(self, n, rng):
        return {"latents": rng.normal(n, 3), "mixture": rng.uniform(n, 1, 1, 1)}

    def schedule(self, step):
        return {"weight": min(1.0, step / 8)}

    def objectives(self):
        falling = Adam(lambda step: 1e-3 / (1 + step), betas=(0.5, 0.9))
        return [
            Objective("critic", [self.critic], self.critic_loss, falling, repeats=2, fresh=True, reset_at=[12]),
            Objective("generator", [self.generator], {0: self.early, 6: self.late}, Adam(1e-3)),
        ]

    def critic_loss(self, images, draws):
        with torch.no_grad():
            fakes = self.generator(draws["latents"])
        slopes = torch.func.grad(lambda x: self.critic(x).sum())(torch.lerp(images, fakes, draws["mixture"]))
        penalty = (slopes.flatten(1).square().sum(1) - 1).square().mean()
        return {"gap": (self.critic(fakes) - self.critic(images)).mean(), "penalty": draws["weight"] * penalty}

    def early(self, images, draws):
        return {"score": -self.critic(self.generator(draws["latents"])).mean()}

    def late(self, images, draws):
        fakes = self.generator(draws["latents"])
        return {"score": -self.critic(fakes).mean(), "mean": (fakes.mean() - images.mean()).square()}

    def finish_step(self):
        self.average.mul_(0.9).add_(0.1 * self.critic[0].weight.mean())


def member(engine, device, note, seed=0):
    dataset = Noise(IMAGE, 50, device)
    model = build(SmallGAN, Settings(), IMAGE, Rng(seed)).to(device).train()
    batches, draws = Batches(dataset, 10, seed), Rng(seed + 1, device)
    return make_stepper(engine, model, batches, draws, Rng(seed + 2), "float32", note)


def assert_alike(found, expected):
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4, msg=lambda text: f"{name}: {text}")  # noqa: B023


STEPS = 16


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


@pytest.fixture
def strictly(device):
    """Without TF32, which would round differently in different kernels."""
    from harness.training.precision import products

    with products("float32"):
        yield


@pytest.mark.usefixtures("strictly")
def test_a_fleet_trains_as_its_members_alone(device):
    alone = [member("eager", device, pytest.fail, seed) for seed in range(3)]
    fleet = FleetEngine([member("eager", device, pytest.fail, seed) for seed in range(3)], pytest.fail)
    for step in range(STEPS):
        expected = [one.step(step) for one in alone]
        fleet.step([step] * 3)
    for its, found, one, own in zip(expected, fleet.losses(), alone, fleet.members, strict=True):
        assert found == pytest.approx({name: value.item() for name, value in its.items()}, rel=1e-3, abs=1e-4)
        assert_alike(own.state(), one.state())


# Compiling takes minutes; CUDA graphs exist on GPUs only.
SINGLE = [pytest.param("compiled", device, marks=pytest.mark.slow) for device in DEVICES]
SINGLE += [pytest.param("graph", device) for device in DEVICES if device == "cuda"]


@pytest.mark.parametrize(("engine", "device"), SINGLE)
@pytest.mark.usefixtures("strictly")
def test_an_engine_trains_as_the_eager_one(engine, device):
    eager, other = member("eager", device, pytest.fail), member(engine, device, pytest.fail)
    for step in range(STEPS):
        expected, found = eager.step(step), other.step(step)
        assert {name: value.item() for name, value in found.items()} == pytest.approx(
            {name: value.item() for name, value in expected.items()}, rel=1e-3, abs=1e-4
        )
    assert_alike(other.state(), eager.state())
    resumed = member("eager", device, pytest.fail)
    resumed.restore({name: value.clone() for name, value in other.state().items()})
    for step in range(STEPS, STEPS + 2):
        resumed.step(step)
        other.step(step)
    assert_alike(other.state(), resumed.state())


def test_what_cannot_be_compiled_is_called_as_it_is_and_said_once(monkeypatch):
    """Here nothing can, because the compiler is broken."""

    def broken(loss, **options):
        def raising(images, draws):
            loss(images, draws)  # Some of the work has been done when the error comes.
            raise RuntimeError("no compiler")

        return raising

    monkeypatch.setattr(torch, "compile", broken)
    notes = []
    eager, compiled = member("eager", "cpu", pytest.fail), member("compiled", "cpu", notes.append)
    for step in range(8):
        eager.step(step)
        compiled.step(step)
    assert all(torch.equal(value, compiled.state()[name]) for name, value in eager.state().items())
    assert [note.split(" is not compiled: ")[0] for note in notes] == [
        f"SmallGAN.{loss}" for loss in ("critic_loss", "early", "late")
    ]
    assert all("no compiler" in note for note in notes)
