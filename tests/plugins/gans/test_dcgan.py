"""DCGAN and WGAN-GP: generators without an encoder."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from images import batch, size
from torch import nn

from harness import ImageSpec, Model, Rng, UserError
from harness.config import parse
from harness.model import build, overridden
from harness.plugins.manager import PluginManager
from harness_gans.dcgan import DCGAN
from harness_gans.wgan_gp import WGANGP

SMALL = ImageSpec(1, 16, 16)
BOTH = {"dcgan": DCGAN, "wgan-gp": WGANGP}


def make(cls: type[Model], image: ImageSpec = SMALL, **config: Any) -> Any:
    return build(cls, parse(cls.Config, {"width": 0.05, "noise": 6, **config}, ""), image, Rng(0)).train()


def test_the_network_of_svhn_has_7168_features_and_a_normal_prior() -> None:
    model = make(DCGAN, ImageSpec(3, 32, 32), width=0.5, noise=100, prior="normal")
    maps = model.features(batch(ImageSpec(3, 32, 32)))
    assert [tuple(each.shape[1:]) for each in maps] == [(64, 16, 16), (128, 8, 8), (256, 4, 4)]
    assert sum(each.shape[1] * 4 * 4 for each in maps) == 1024 + 2048 + 4096
    latents = model.draw(2000, Rng(0))["latents"]
    assert latents.std().item() == pytest.approx(1, abs=0.01)
    assert latents.abs().max() > 3
    assert make(DCGAN).draw(2000, Rng(0))["latents"].abs().max() <= 1


def test_dcgan_has_the_papers_size() -> None:
    model = make(DCGAN, ImageSpec(3, 64, 64), width=1.0, noise=100)
    # FC 100-16384, BN; deconv 5x5 1024-512, BN; 512-256, BN; 256-128, BN; 128-3: no bias anywhere.
    generator = 1_638_400 + 32_768 + 13_107_200 + 1_024 + 3_276_800 + 512 + 819_200 + 256 + 9_600
    assert size(model.generator) == generator
    # conv 3-128; 128-256, BN; 256-512, BN; 512-1024, BN; FC 16384-1.
    discriminator = 9_600 + 819_200 + 512 + 3_276_800 + 1_024 + 13_107_200 + 2_048 + 16_384
    assert size(model.discriminator) == discriminator
    assert {layer.eps for layer in model.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)} == {1e-8}


def test_wgan_gp_has_the_scripts_size_for_cifar() -> None:
    model = make(WGANGP, ImageSpec(3, 32, 32), width=1.0, noise=128)
    # FC 128-8192, BN; deconv 5x5 512-256, BN; 256-128, BN; 128-3 with bias.
    assert size(model.generator) == 1_048_576 + 16_384 + 3_276_800 + 512 + 819_200 + 256 + 9_603
    # conv 3-128, 128-256, 256-512, FC 8192-1, all with bias, no BN.
    assert size(model.critic) == 9_728 + 819_456 + 3_277_312 + 8_193
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.critic)


@pytest.mark.parametrize(("name", "cls"), BOTH.items())
@pytest.mark.parametrize("image", [SMALL, ImageSpec(3, 32, 32), ImageSpec(1, 64, 64)], ids=str)
def test_generates_and_does_nothing_else(name: str, cls: type[Model], image: ImageSpec) -> None:
    model = make(cls, image).eval()
    images = model.generate(model.latents.draw(4, Rng(0)))
    assert images.shape == (4, image.channels, image.height, image.width)
    assert 0 <= images.min() <= images.max() <= 1
    can = set(overridden(cls))
    assert can == {"generate", *(["features"] if cls is DCGAN else [])}
    assert PluginManager().registry.find("models", name).load() is cls


@pytest.mark.parametrize("cls", BOTH.values())
def test_other_sizes_are_refused_with_words(cls: type[Model]) -> None:
    with pytest.raises(UserError, match="cannot take 1x28x28 images"):
        make(cls, ImageSpec(1, 28, 28))


@pytest.mark.parametrize("cls", BOTH.values())
def test_losses_are_pure(cls: type[Model]) -> None:
    model = make(cls)
    draws = model.draw(6, Rng(1))
    state = torch.get_rng_state()
    for objective in model.objectives():
        loss = objective.loss_at(1)
        assert loss(batch(SMALL), draws) == loss(batch(SMALL), draws)
    assert torch.equal(state, torch.get_rng_state())


# DCGAN


def test_dcgan_terms_by_hand() -> None:
    model = make(DCGAN)
    draws = model.draw(6, Rng(1))
    fakes = model.generator(draws["latents"])
    real, fake = model.discriminator(batch(SMALL) * 2 - 1).sigmoid(), model.discriminator(fakes).sigmoid()
    terms = model.discriminator_loss(batch(SMALL), draws)
    assert terms["real"].item() == pytest.approx(-real.log().mean().item(), rel=1e-5)
    assert terms["fake"].item() == pytest.approx(-(1 - fake).log().mean().item(), rel=1e-5)
    assert model.generator_loss(batch(SMALL), draws)["adversarial"].item() == pytest.approx(
        -fake.log().mean().item(), rel=1e-5
    )


def test_dcgan_updates_one_network_per_step_beginning_with_the_generator(stepper: Any) -> None:
    run = stepper(make(DCGAN), partial(batch, SMALL))
    for step in range(4):
        run.step(step)
    assert run.log == ["generator", "discriminator"] * 2
    assert run.changed == {"generator": {"generator"}, "discriminator": {"discriminator"}}
    assert {o.optimizer.weight_decay for o in run.model.objectives()} == {1e-5}


def test_dcgan_features_are_the_discriminators_maps() -> None:
    model = make(DCGAN, ImageSpec(1, 32, 32), width=1 / 32).eval()
    images = batch(model.image)
    maps = model.features(images)
    assert [tuple(each.shape) for each in maps] == [(6, 4, 16, 16), (6, 8, 8, 8), (6, 16, 4, 4)]
    assert all((each < 0).any() and (each > 0).any() for each in maps)
    head = model.discriminator[-1]
    assert torch.equal(model.discriminator(2 * images - 1), head(maps[-1].flatten(1)))


def test_dcgan_can_update_both(stepper: Any) -> None:
    run = stepper(make(DCGAN, alternate=False), partial(batch, SMALL))
    run.step(0)
    assert run.log == ["discriminator", "generator"]


def test_dcgan_initial_parameters() -> None:
    model = make(DCGAN, width=0.5)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif parameter.numel() > 1000:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.1)
            assert parameter.mean().item() == pytest.approx(float(parameter.dim() == 1), abs=2e-3)


# WGAN-GP


def test_wgan_gp_terms_by_hand() -> None:
    model = make(WGANGP, penalty=3.0)
    draws = model.draw(6, Rng(1))
    reals, fakes = batch(SMALL) * 2 - 1, model.generator(draws["latents"]).detach()
    terms = model.critic_loss(batch(SMALL), draws)
    assert terms["real"].item() == pytest.approx(-model.critic(reals).mean().item(), rel=1e-4)
    assert terms["fake"].item() == pytest.approx(model.critic(fakes).mean().item(), rel=1e-4)
    mixed = (reals + draws["mixture"] * (fakes - reals)).requires_grad_()
    (gradient,) = torch.autograd.grad(model.critic(mixed).sum(), mixed)
    slopes = (gradient**2).sum((1, 2, 3)).sqrt()
    assert terms["penalty"].item() == pytest.approx(3 * ((slopes - 1) ** 2).mean().item(), rel=1e-5)
    assert model.generator_loss(batch(SMALL), draws)["score"].item() == pytest.approx(
        -model.critic(model.generator(draws["latents"])).mean().item(), rel=1e-4
    )


def test_the_penalty_trains_the_critic() -> None:
    """The gradient of the penalty, a second derivative, against finite differences."""
    model = make(WGANGP).double()
    draws = {name: value.double() for name, value in model.draw(3, Rng(1)).items()}
    images = batch(SMALL, n=3).double()
    weight = model.critic[0].weight
    (gradient,) = torch.autograd.grad(model.critic_loss(images, draws)["penalty"], weight)
    direction = torch.randn_like(weight)
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            weight += sign * 1e-5 * direction
        values.append(model.critic_loss(images, draws)["penalty"].item())
        with torch.no_grad():
            weight -= sign * 1e-5 * direction
    assert (gradient * direction).sum().item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-3)


def test_wgan_gp_updates_the_critic_five_times_and_skips_the_generator_at_first(stepper: Any) -> None:
    seen = []
    model = make(WGANGP)
    draw = model.draw
    model.draw = lambda n, rng: seen.append(1) or draw(n, rng)
    run = stepper(model, partial(batch, SMALL))
    run.step(0)
    assert run.log == ["critic"] * 5
    assert len(seen) == 5
    run.step(1)
    assert run.log[5:] == ["generator"] + ["critic"] * 5
    assert len(seen) == 11
    assert run.changed == {"generator": {"generator"}, "critic": {"critic"}}
    assert all(o.optimizer.betas == (0.5, 0.9) and o.optimizer.lr == 1e-4 for o in model.objectives())


def test_wgan_gp_initial_parameters() -> None:
    model = make(WGANGP, ImageSpec(3, 32, 32), width=0.5)
    # 64 to 128 channels from a 16x16 to an 8x8 map, and back: fans 25·64 and 25·128/4, variance 4 / sum.
    expected = math.sqrt(4 / (25 * 64 + 25 * 128 / 4))
    for layer in (model.critic[2], model.generator[7]):
        assert sorted(layer.weight.shape[:2]) == [64, 128]
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.02)
        assert layer.weight.abs().max().item() <= expected * math.sqrt(3)
    assert model.generator[0].weight.std().item() == pytest.approx(math.sqrt(2 / (6 + 4096)), rel=0.05)
    assert all((p == 1).all() for p in (model.generator[1].weight, model.generator[5].weight))
