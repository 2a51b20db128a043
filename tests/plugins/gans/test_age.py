"""AGE."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from images import batch, size
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.model import build, overridden
from harness.plugins.manager import PluginManager
from harness_gans.age import AGE

SMALL = ImageSpec(1, 16, 16)


def make(image: ImageSpec = SMALL, **config: Any) -> Any:
    return build(AGE, parse(AGE.Config, {"width": 0.1, "latents": 6, **config}, ""), image, Rng(0)).train()


def test_the_64_pixel_networks_have_the_codes_size() -> None:
    model = make(ImageSpec(3, 64, 64), width=1.0, latents=64)
    # conv 4x4 3-64; 64-128, BN; 128-256, BN; 256-512, BN; 512-64 with bias.
    encoder = 3_072 + 131_072 + 256 + 524_288 + 512 + 2_097_152 + 1_024 + 524_288 + 64
    assert size(model.encoder) == encoder
    # deconv 4x4 64-512, BN; 512-256, BN; 256-128, BN; 128-64, BN; 64-3.
    generator = 524_288 + 1_024 + 2_097_152 + 512 + 524_288 + 256 + 131_072 + 128 + 3_072
    assert size(model.generator) == generator


def test_the_32_pixel_networks_have_the_codes_size() -> None:
    model = make(ImageSpec(3, 32, 32), width=1.0, latents=128)
    # conv 4x4 3-64; 64-128, BN; 128-256, BN; 256-128 with bias.
    assert size(model.encoder) == 3_072 + 131_072 + 256 + 524_288 + 512 + 524_288 + 128
    # deconv 4x4 128-512, BN; 512-256, BN; 256-128, BN; 128-128, BN; conv 1x1 128-3 with bias.
    assert size(model.generator) == (
        1_048_576 + 1_024 + 2_097_152 + 512 + 524_288 + 256 + 262_144 + 256 + 387
    )  # fmt: skip


@pytest.mark.parametrize("image", [SMALL, ImageSpec(3, 32, 32), ImageSpec(1, 64, 64), ImageSpec(1, 128, 128)], ids=str)
def test_shapes_and_abilities(image: ImageSpec) -> None:
    model = make(image).eval()
    images = batch(image)
    codes, latents = model.encode(images), model.latents.draw(6, Rng(0))
    assert codes.shape == latents.shape == (6, 6)
    assert torch.allclose(codes.norm(dim=1), torch.ones(6))
    assert torch.allclose(latents.norm(dim=1), torch.ones(6))
    generated, again = model.generate(latents), model.reconstruct(images)
    assert generated.shape == again.shape == images.shape
    assert 0 <= min(generated.min(), again.min()) <= max(generated.max(), again.max()) <= 1
    assert torch.equal(again, model.generate(codes))
    assert overridden(AGE) == ["encode", "generate", "reconstruct"]
    assert PluginManager().registry.find("models", "age").load() is AGE


@pytest.mark.parametrize("image", [ImageSpec(1, 28, 28), ImageSpec(1, 64, 32), ImageSpec(1, 8, 8)], ids=str)
def test_other_sizes_are_refused_with_words(image: ImageSpec) -> None:
    with pytest.raises(UserError, match=f"AGE cannot take {image} images.*16, 32, 64"):
        make(image)


def test_the_fit_by_hand() -> None:
    # Columns with mean 2, variance 1 and mean 5, variance 4.
    codes = torch.tensor([[1.0, 3.0], [3.0, 7.0]])
    # (1 + 4)/2 - ln 1 - 1/2 and (4 + 25)/2 - ln 2 - 1/2.
    assert make().divergence(codes).item() == pytest.approx((2 + 14 - math.log(2)) / 2)
    # (1 + 4)/2 - ln 1 - 1/2 and (16 + 25)/2 - ln 4 - 1/2.
    assert make(moments="code").divergence(codes).item() == pytest.approx((2 + 20 - math.log(4)) / 2)


@given(st.floats(-3, 3), st.floats(0.05, 5))
def test_the_formulas_fit_is_a_divergence(mean: float, std: float) -> None:
    codes = torch.tensor([[mean - std], [mean + std]], dtype=torch.double)
    expected = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).item()
    assert make().divergence(codes).item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_both_fits_vanish_at_the_standard_normal() -> None:
    codes = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    assert make().divergence(codes) == make(moments="code").divergence(codes) == 0


@pytest.mark.parametrize("moments", ["formula", "code"])
def test_terms_by_hand(moments: str) -> None:
    model = make(moments=moments, reconstruction_weight=3.0, latent_weight=7.0)
    draws = model.draw(6, Rng(1))
    reals = 2 * batch(SMALL) - 1

    def inferred(images: Tensor) -> Tensor:
        outputs = model.encoder(images)
        return outputs / outputs.square().sum(1, keepdim=True).sqrt()

    def divergence(codes: Tensor) -> float:
        mean = codes.sum(0) / 6
        variance = (codes - mean).square().sum(0) / 6
        s = variance.sqrt() if moments == "formula" else variance
        return ((s**2 + mean**2) / 2 - s.log() - 0.5).mean().item()

    fakes = model.generator(draws["latents"])
    real, fake = inferred(reals), inferred(fakes)
    terms = model.encoder_loss(batch(SMALL), draws)
    assert set(terms) == {"real", "fake", "reconstruction"}
    assert terms["real"].item() == pytest.approx(divergence(real), rel=1e-4)
    assert terms["fake"].item() == pytest.approx(-divergence(fake), rel=1e-4)
    error = (model.generator(real) - reals).abs().sum().item() / (6 * 16 * 16)
    assert terms["reconstruction"].item() == pytest.approx(3 * error, rel=1e-5)

    terms = model.generator_loss(batch(SMALL), draws)
    assert set(terms) == {"fake", "latents"}
    assert terms["fake"].item() == pytest.approx(divergence(fake), rel=1e-4)
    cosines = (fake * draws["latents"]).sum(1)
    # The mean is over all 6 x 6 products, not over 6 cosines.
    assert terms["latents"].item() == pytest.approx(7 * (2 - cosines.mean().item() / 6), rel=1e-5)


def test_the_encoder_is_updated_once_and_the_generator_three_times(stepper: Any) -> None:
    seen = []
    model = make()
    draw = model.draw
    model.draw = lambda n, rng: seen.append(n) or draw(n, rng)
    run = stepper(model, partial(batch, SMALL))
    run.step(0)
    assert run.log == ["encoder"] + ["generator"] * 3
    assert len(seen) == 4
    assert run.changed == {"encoder": {"encoder"}, "generator": {"generator"}}
    assert all(o.optimizer.betas == (0.5, 0.999) and o.optimizer.lr_at(10**6) == 2e-4 for o in model.objectives())
    assert [o.repeats for o in make(generator_updates=2).objectives()] == [1, 2]


def test_every_parameter_is_trained() -> None:
    model = make(ImageSpec(1, 32, 32))
    draws = model.draw(6, Rng(1))
    for objective in model.objectives():
        total = torch.stack(list(objective.loss_at(0)(batch(model.image), draws).values())).sum()
        gradients = torch.autograd.grad(total, objective.parameters())
        assert all(gradient.any() for gradient in gradients)


def test_the_learning_rate_halves() -> None:
    for objective in make(learning_rate=0.08, drop_steps=10).objectives():
        rates = [objective.optimizer.lr_at(step) for step in (0, 9, 10, 19, 20, 39)]
        assert rates == [0.08, 0.08, 0.04, 0.04, 0.02, 0.01]


def test_the_learning_rate_halves_an_epoch_early_as_in_the_code() -> None:
    # `--drop_lr 40` with 703 batches an epoch: from 39 epochs on (27,417 steps), then every 40 (28,120).
    model = make(learning_rate=0.08, drop_steps=28_120, drop_early=703)
    rates = [model.learning_rate(step) for step in (0, 27_416, 27_417, 55_536, 55_537)]
    assert rates == [0.08, 0.08, 0.04, 0.04, 0.02]
    assert model.milestones() == {"drop_steps": 27_417}


def test_losses_are_pure() -> None:
    model = make()
    draws = model.draw(6, Rng(1))
    state = torch.get_rng_state()
    for loss in (model.encoder_loss, model.generator_loss):
        assert loss(batch(SMALL), draws) == loss(batch(SMALL), draws)
    assert torch.equal(state, torch.get_rng_state())


def test_initial_parameters() -> None:
    model = make(ImageSpec(1, 64, 64), width=0.5)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif parameter.numel() > 1000:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.1)
    gains = torch.cat([layer.weight for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)])
    assert gains.mean().item() == pytest.approx(1, abs=0.003)
    assert gains.std().item() == pytest.approx(0.02, rel=0.1)
