"""Inference mode inside a loss."""

import pytest
import torch
from torch import nn

from harness.nn.modes import inference


def test_running_averages_are_used_and_kept_and_modes_restored() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2).eval())
    inputs = torch.randn(8, 2) + 5
    with inference(network):
        outputs = network(inputs)
    assert torch.allclose(outputs, inputs, atol=1e-3)  # averages 0 and 1 normalise nothing
    assert network[0].running_mean.tolist() == [0, 0]
    assert [module.training for module in network.modules()] == [True, True, False]


def test_modes_are_restored_after_an_error() -> None:
    network = nn.BatchNorm1d(2)
    with pytest.raises(ValueError, match="expected 2D"), inference(network):
        network(torch.zeros(2))
    assert network.training


def test_gradients_still_flow() -> None:
    network = nn.BatchNorm1d(2)
    inputs = torch.randn(3, 2, requires_grad=True)
    with inference(network):
        (gradient,) = torch.autograd.grad(network(inputs).sum(), inputs)
    assert torch.allclose(gradient, torch.ones(3, 2), atol=1e-4)
