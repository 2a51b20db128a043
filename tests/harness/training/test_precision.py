import pytest
import torch
from images import Noise
from torch import nn

from harness import Adam, ImageSpec, Model, Objective, Rng, Settings
from harness.model import build
from harness.training.batches import Batches
from harness.training.engines.eager import EagerStepper
from harness.training.engines.fleet import FleetEngine
from harness.training.precision import bfloat16_slowdown, precision_note, products

IMAGE = ImageSpec(1, 4, 4)


class Reconstructing(Model):
    """Uses its decoder without gradients first, as adversarial losses do."""

    def __init__(self, config, image):
        super().__init__(config, image)
        self.encoder, self.decoder = nn.Linear(16, 8), nn.Linear(8, 16)
        self.seen = set()

    def draw(self, n, rng):
        return {"codes": rng.normal(n, 8)}

    def objectives(self):
        return [Objective("both", [self.encoder, self.decoder], self.loss, Adam(1e-2))]

    def loss(self, images, draws):
        with torch.no_grad():
            target = self.decoder(draws["codes"])
        codes = self.encoder(images.flatten(1))
        self.seen.add(codes.dtype)
        return {"error": (self.decoder(codes) - target).square().mean(), "size": codes.mean()}


def engine(precision, seed=0):
    model = build(Reconstructing, Settings(), IMAGE, Rng(seed)).train()
    return EagerStepper(model, Batches(Noise(IMAGE), 10, seed), Rng(1), Rng(2), precision)


def test_products_use_tf32_only_where_asked():
    def state():
        cudnn = torch.backends.cudnn
        return torch.get_float32_matmul_precision(), cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision

    for precision in ("float32", "bfloat16", "tf32", "float32"):
        with products(precision):
            assert state() == (("high", "tf32", "tf32") if precision == "tf32" else ("highest", "ieee", "ieee"))
        assert state() == ("highest", "ieee", "ieee")


def test_torchs_older_flags_can_still_be_read_and_set():
    """Libraries do, and torch raises an error where they disagree with the newer ones."""
    for precision in ("float32", "tf32"):
        for _ in range(2):
            with products(precision):
                assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
                with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
                    assert not torch.backends.cudnn.allow_tf32
            assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_losses_are_computed_in_the_precision_and_parameters_stay_float32(precision, dtype):
    trained = engine(precision)
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    trained.step(0)
    assert trained.model.seen == {dtype}
    assert all(
        value.dtype == torch.float32
        for name, value in trained.state().items()
        if "generator" not in name and "batches" not in name
    )
    # Adam first moves each parameter by its learning rate, those too of a network used without gradients before.
    for name, value in trained.model.state_dict().items():
        torch.testing.assert_close((value - before[name]).abs(), torch.full_like(value, 1e-2), rtol=1e-3, atol=0)


def test_bfloat16_rounds_and_does_no_more():
    losses = {precision: engine(precision).step(0)["both/error"].item() for precision in ("float32", "bfloat16")}
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=2**-6)


def test_a_fleet_computes_in_bfloat16_too():
    alone, exact = ([engine(precision, seed) for seed in range(2)] for precision in ("bfloat16", "float32"))
    fleet = FleetEngine([engine("bfloat16", seed) for seed in range(2)], pytest.fail)
    for step in range(2):
        fleet.step([step] * 2)
        for found, one, other in zip(fleet.losses(), alone, exact, strict=True):
            expected, unrounded = one.step(step)["both/error"].item(), other.step(step)["both/error"].item()
            assert found["both/error"] == pytest.approx(expected, rel=2**-6)
            assert abs(found["both/error"] - unrounded) > 2**-16 * unrounded


def test_a_precision_that_costs_more_than_it_gains_is_told_before_training(monkeypatch):
    monkeypatch.setattr("harness.training.precision.bfloat16_slowdown", lambda: 7.2)
    assert "about 7 times as long as in float32" in precision_note("bfloat16", "cpu")
    assert "changes nothing on a CPU" in precision_note("tf32", "cpu")
    assert (
        precision_note("float32", "cpu") == precision_note("bfloat16", "cuda") == precision_note("tf32", "cuda") == ""
    )
    monkeypatch.setattr("harness.training.precision.bfloat16_slowdown", lambda: 0.6)
    assert precision_note("bfloat16", "cpu") == ""


def test_the_cost_of_bfloat16_is_measured_and_no_random_number_is_used():
    state = torch.random.get_rng_state()
    assert 0.01 < bfloat16_slowdown() < 1000
    assert torch.equal(torch.random.get_rng_state(), state)
