"""DCGAN with the networks of its feature extractor."""

from functools import partial
from typing import Any

import pytest
import torch
from images import batch, size
from torch import nn

from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.model import build
from harness_gans.dcgan import DCGAN

SMALL = ImageSpec(1, 16, 16)


def make(image: ImageSpec = SMALL, **config: Any) -> Any:
    settings = parse(DCGAN.Config, {"networks": "features", "width": 1 / 32, "noise": 6, **config}, "")
    return build(DCGAN, settings, image, Rng(0)).train()


def test_sizes() -> None:
    model = make(ImageSpec(3, 32, 32), width=1.0, noise=256)
    # FC 256-8192, BN; deconv 3x3: 512-512, BN; 512-256, BN; 256-256, BN; 256-128, BN; 128-128, BN; 128-3: no bias.
    generator = [2_097_152, 16_384, 2_359_296, 1_024, 1_179_648, 512, 589_824, 512, 294_912, 256, 147_456, 256, 3_456]
    assert size(model.generator) == sum(generator)
    # conv 3x3: 3-128; 128-128, BN; 128-256, BN; 256-256, BN; 256-512, BN; 512-512, BN; FC 8192-1.
    discriminator = [3_456, 147_456, 256, 294_912, 512, 589_824, 512, 1_179_648, 1_024, 2_359_296, 1_024, 8_192]
    assert size(model.discriminator) == sum(discriminator)
    strides = {nn.Conv2d: [1, 2, 1, 2, 1, 2], nn.ConvTranspose2d: [2, 1, 2, 1, 2, 1]}
    for network, (kind, expected) in zip((model.discriminator, model.generator), strides.items(), strict=True):
        layers = [layer for layer in network if isinstance(layer, kind)]
        assert [layer.stride[0] for layer in layers] == expected
        assert {layer.kernel_size for layer in layers} == {(3, 3)}
        assert all(layer.bias is None for layer in layers)
    assert {layer.eps for layer in model.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)} == {1e-8}


def test_pooled_features_are_the_papers_28672() -> None:
    model = make(ImageSpec(3, 32, 32), width=1.0, noise=1).eval()
    with torch.no_grad():
        maps = model.features(torch.rand(2, 3, 32, 32))
    assert [tuple(each.shape[1:]) for each in maps] == [
        (128, 32, 32),
        (128, 16, 16),
        (256, 16, 16),
        (256, 8, 8),
        (512, 8, 8),
        (512, 4, 4),
    ]
    pooled = [nn.functional.adaptive_max_pool2d(each, 4).flatten(1) for each in maps]
    assert torch.cat(pooled, dim=1).shape == (2, 28_672)
    assert all((each < 0).any() and (each > 0).any() for each in maps)  # after the leaky ReLU


def test_the_last_features_are_what_the_discriminator_judges_by() -> None:
    model = make().eval()
    logits = model.discriminator[-1](model.features(batch(SMALL))[-1].flatten(1))
    assert torch.equal(logits, model.discriminator(2 * batch(SMALL) - 1))


@pytest.mark.parametrize("image", [SMALL, ImageSpec(3, 32, 32), ImageSpec(1, 64, 64)], ids=str)
def test_generates(image: ImageSpec) -> None:
    model = make(image).eval()
    images = model.generate(model.latents.draw(4, Rng(0)))
    assert images.shape == (4, image.channels, image.height, image.width)
    assert 0 <= images.min() <= images.max() <= 1


def test_other_sizes_are_refused_with_words() -> None:
    with pytest.raises(UserError, match="DCGAN cannot take 1x28x28 images"):
        make(ImageSpec(1, 28, 28))


def test_terms_by_hand() -> None:
    model = make()
    draws = model.draw(6, Rng(1))
    real = model.discriminator(2 * batch(SMALL) - 1).sigmoid()
    fake = model.discriminator(model.generator(draws["latents"])).sigmoid()
    terms = model.discriminator_loss(batch(SMALL), draws)
    assert terms["real"].item() == pytest.approx(-real.log().mean().item(), rel=1e-5)
    assert terms["fake"].item() == pytest.approx(-(1 - fake).log().mean().item(), rel=1e-5)
    generator = model.generator_loss(batch(SMALL), draws)["adversarial"].item()
    assert generator == pytest.approx(-fake.log().mean().item(), rel=1e-5)


def test_updates(stepper: Any) -> None:
    run = stepper(make(weight_decay=0.0), partial(batch, SMALL))
    run.step(0)
    run.step(1)
    assert run.log == ["generator", "discriminator"]
    assert run.changed == {"generator": {"generator"}, "discriminator": {"discriminator"}}
    assert {o.optimizer.weight_decay for o in run.model.objectives()} == {0.0}
    assert all((o.optimizer.lr, o.optimizer.betas) == (2e-4, (0.5, 0.999)) for o in run.model.objectives())


def test_every_parameter_is_reached_by_its_objective() -> None:
    model = make()
    for objective in model.objectives():
        total = torch.stack(list(objective.loss_at(0)(batch(SMALL), model.draw(6, Rng(1))).values())).sum()
        assert all(gradient.any() for gradient in torch.autograd.grad(total, objective.parameters()))
