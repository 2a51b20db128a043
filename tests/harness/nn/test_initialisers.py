"""The numbers that layers start from."""

import math

import pytest
import torch
from torch import nn

from harness import Rng
from harness.nn.initialisers import glorot_uniform_, normal_, truncated_normal_, zero_bias_


def test_normal() -> None:
    tensor = torch.empty(200, 100)
    normal_(tensor, Rng(0), mean=1.0, std=0.02)
    assert tensor.mean().item() == pytest.approx(1.0, abs=1e-3)
    assert tensor.std().item() == pytest.approx(0.02, rel=0.02)


def test_truncated_normal_stays_within_two_standard_deviations() -> None:
    tensor = torch.empty(200, 100)
    truncated_normal_(tensor, Rng(0), std=0.02)
    assert tensor.abs().max().item() <= 0.04
    assert tensor.abs().max().item() > 0.0395  # the whole interval is used
    # The standard deviation of a standard normal truncated at +-2: sqrt(1 - 4 φ(2) / (2 Φ(2) - 1)) = 0.8796.
    assert tensor.std().item() == pytest.approx(0.02 * 0.8796, rel=0.02)
    within_one = (tensor.abs() < 0.02).float().mean().item()
    assert within_one == pytest.approx(0.6827 / 0.9545, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "fans"), [((30, 20), 50), ((8, 4, 4, 4), 12 * 16), ((1, 1, 2, 2), 8)], ids=["linear", "conv", "one"]
)
def test_glorot_uniform(shape: tuple[int, ...], fans: int) -> None:
    tensor = torch.empty(shape)
    largest = 0.0
    for seed in range(50):
        glorot_uniform_(tensor, Rng(seed))
        largest = max(largest, tensor.abs().max().item())
    bound = math.sqrt(6 / fans)
    assert 0.97 * bound < largest <= bound


def test_zero_bias_takes_layers_with_and_without() -> None:
    layer = nn.Linear(2, 3)
    zero_bias_(layer)
    assert layer.bias.tolist() == [0, 0, 0]
    zero_bias_(nn.Linear(2, 3, bias=False))


def test_numbers_come_from_the_generator_alone() -> None:
    before = torch.get_rng_state()
    first, second = torch.empty(5, 5), torch.empty(5, 5)
    for fill in (normal_, truncated_normal_, glorot_uniform_):
        fill(first, Rng(3))
        fill(second, Rng(3))
        assert torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())
