"""WGAN-GP's penalty, its residual networks and what goes with them."""

from functools import partial
from typing import Any

import pytest
import torch
from images import batch, size
from torch import Tensor, nn
from torch.nn import functional

from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.model import build
from harness_gans.gradient_penalty import gradient_penalty, slopes
from harness_gans.wgan_gp import WGANGP

SMALL = ImageSpec(1, 16, 16)


def make(image: ImageSpec = SMALL, **config: Any) -> Any:
    settings = {"networks": "resnet", "width": 0.05, "noise": 6, **config}
    return build(WGANGP, parse(WGANGP.Config, settings, ""), image, Rng(0)).train()


# The penalty


class HalfSquare(nn.Module):
    """|x|²/2, whose gradient is x."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1).square().sum(1) / 2


def test_slopes_of_a_linear_critic_are_its_norm() -> None:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(256, 1))
    found = slopes(critic, batch(SMALL))
    assert found.shape == (6,)
    assert torch.allclose(found, critic[1].weight.norm().expand(6))


def test_the_penalty_by_hand() -> None:
    reals, fakes = torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [6.0, 8.0]])
    # x̂ is (1.5, 2) with norm 2.5, and (6, 8) with norm 10.
    mixture = torch.tensor([[0.5], [1.0]])
    assert torch.allclose(slopes(HalfSquare(), mixture * fakes), torch.tensor([2.5, 10.0]))
    assert gradient_penalty(HalfSquare(), reals, fakes, mixture).item() == pytest.approx((1.5**2 + 9**2) / 2)


# The residual networks


def test_the_networks_have_the_scripts_size_for_cifar() -> None:
    model = make(ImageSpec(3, 32, 32), width=1.0, noise=128)
    conv, shortcut = 128 * 128 * 9 + 128, 128 * 128 + 128
    # FC 128-2048; three blocks up with two BN each; BN; conv 3x3 128-3.
    assert size(model.generator) == 264_192 + 3 * (2 * 256 + 2 * conv + shortcut) + 256 + 3_459
    # First block: conv 3-128, conv, shortcut 3-128; a block down; two blocks without shortcut; FC 128-1.
    assert size(model.critic) == (3_584 + conv + 512) + (2 * conv + shortcut) + 2 * 2 * conv + 129


@pytest.mark.parametrize("side", [16, 32, 64])
def test_shapes(side: int) -> None:
    image = ImageSpec(3, side, side)
    model = make(image).eval()
    images = model.generate(model.latents.draw(4, Rng(0)))
    assert images.shape == (4, 3, side, side)
    assert 0 <= images.min() <= images.max() <= 1
    assert model.critic(images).shape == (4, 1)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.critic.modules())
    blocks = nn.Sequential(*list(model.critic)[:-4])  # without ReLU, the mean over positions and FC
    assert blocks(images).shape == (4, 6, 8, 8)


def test_other_sizes_are_refused_with_words() -> None:
    with pytest.raises(UserError, match=r"WGANGP cannot take 1x28x28 images.*16, 32, 64"):
        make(ImageSpec(1, 28, 28))


def test_a_block_up_by_hand() -> None:
    block = make().generator[2]
    maps = torch.randn(5, 6, 4, 4)
    first_norm, first, second_norm, second = (layer for layer in block.branch if list(layer.parameters()))
    (shortcut,) = (layer for layer in block.shortcut if list(layer.parameters()))
    hidden = functional.interpolate(first_norm(maps).relu(), scale_factor=2)
    hidden = second(second_norm(first(hidden)).relu())
    # The script doubles the map before the shortcut's 1x1 convolution.
    expected = shortcut(functional.interpolate(maps, scale_factor=2)) + hidden
    assert torch.allclose(block(maps), expected, atol=1e-5)


def test_blocks_down_by_hand() -> None:
    critic = make(ImageSpec(1, 32, 32)).critic
    images, maps = torch.randn(5, 1, 16, 16), torch.randn(5, 6, 16, 16)
    for block, inputs, begins_with_relu in ((critic[0], images, False), (critic[1], maps, True)):
        first, second = (layer for layer in block.branch if list(layer.parameters()))
        (shortcut,) = (layer for layer in block.shortcut if list(layer.parameters()))
        hidden = second(first(inputs.relu() if begins_with_relu else inputs).relu())
        # The script takes means after the shortcut's 1x1 convolution in all blocks but the first.
        expected = functional.avg_pool2d(shortcut(inputs), 2) + functional.avg_pool2d(hidden, 2)
        assert torch.allclose(block(inputs), expected, atol=1e-5)
    first, second = (layer for layer in critic[2].branch if list(layer.parameters()))
    assert torch.allclose(critic[2](maps), maps + second(first(maps.relu()).relu()), atol=1e-5)


def test_initial_parameters() -> None:
    model = make(width=0.5)
    first = model.generator[2].branch[3]
    assert first.weight.std().item() == pytest.approx((4 / (2 * 64 * 9)) ** 0.5, rel=0.02)
    shortcut = model.generator[2].shortcut[0]
    assert shortcut.weight.std().item() == pytest.approx((2 / (2 * 64)) ** 0.5, rel=0.05)
    last = model.generator[-2]
    assert last.weight.std().item() == pytest.approx((2 / (65 * 9)) ** 0.5, rel=0.1)
    assert not any(p.any() for name, p in model.named_parameters() if name.endswith("bias"))


def test_an_update_trains_all_of_a_network(stepper: Any) -> None:
    run = stepper(make(critic_updates=2), partial(batch, SMALL))
    run.step(0)
    run.step(1)
    assert run.log == ["critic"] * 2 + ["generator"] + ["critic"] * 2
    assert run.changed == {"critic": {"critic"}, "generator": {"generator"}}
    draws = run.model.draw(6, Rng(1))
    for objective in run.model.objectives():
        weights = [parameter for parameter in objective.parameters() if parameter.dim() > 1]
        total = torch.stack(list(objective.loss_at(1)(batch(SMALL), draws).values())).sum()
        assert all(gradient.any() for gradient in torch.autograd.grad(total, weights))


# Settings that go with them


@pytest.mark.parametrize("networks", ["dcgan", "resnet"])
def test_a_generator_update_may_see_more_images_than_the_critic(networks: str) -> None:
    model = make(networks=networks, generator_batch=2)
    draws = model.draw(6, Rng(1))
    assert draws["latents"].shape == (12, 6)
    assert draws["mixture"].shape == (6, 1, 1, 1)
    scores = model.critic(model.generator(draws["latents"]))
    assert model.generator_loss(batch(SMALL), draws)["score"].item() == pytest.approx(-scores.mean().item(), rel=1e-4)
    scores = model.critic(model.generator(draws["latents"][:6]))
    assert model.critic_loss(batch(SMALL), draws)["fake"].item() == pytest.approx(scores.mean().item(), rel=1e-4)


def test_the_learning_rate_may_fall_to_zero() -> None:
    for objective in make(learning_rate=0.2, decay_steps=100, beta1=0.0).objectives():
        assert [objective.optimizer.lr_at(step) for step in (0, 25, 100, 101)] == [0.2, pytest.approx(0.15), 0, 0]
        assert objective.optimizer.betas == (0.0, 0.9)
    assert {objective.optimizer.lr_at(10**6) for objective in make().objectives()} == {1e-4}
