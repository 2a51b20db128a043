"""Spectral normalisation: its value, its gradient, its state."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from harness.nn.spectral import SpectralConv2d, SpectralLinear, normalised, update_spectral_norms


def test_one_power_iteration_by_hand() -> None:
    """W = diag(3, 4), u = (1, 1): v = (3, 4)/5, Wv = (9, 16)/5, sigma = sqrt(337)/5."""
    weight, u = torch.diag(torch.tensor([3.0, 4.0])), torch.ones(2)
    assert torch.allclose(normalised(weight, u), weight * 5 / 337**0.5)

    layer = SpectralLinear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.u.copy_(u)
    update_spectral_norms(layer)
    assert torch.allclose(layer.u, torch.tensor([9.0, 16.0]) / 337**0.5)


@pytest.mark.parametrize("layer", [SpectralLinear(7, 5), SpectralConv2d(3, 6, kernel=4)], ids=["linear", "conv"])
def test_sigma_becomes_the_largest_singular_value(layer: SpectralLinear | SpectralConv2d) -> None:
    for _ in range(200):
        update_spectral_norms(layer)
    weight = normalised(layer.weight, layer.u).flatten(1)
    assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=1e-4)


def test_forward_leaves_u_alone_and_u_is_a_buffer() -> None:
    layer = SpectralConv2d(1, 4, kernel=4)
    before = layer.u.clone()
    layer(torch.randn(2, 1, 8, 8))
    assert torch.equal(layer.u, before)
    assert [name for name, _ in layer.named_buffers()] == ["u"]
    assert before.abs().max() <= 2


def test_gradient_flows_through_u_and_v() -> None:
    """Against finite differences of the whole of W / sigma(W), u being fixed."""
    torch.manual_seed(0)
    weight, u = torch.randn(3, 4, dtype=torch.float64, requires_grad=True), torch.randn(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda w: normalised(w, u), (weight,))
    # With u and v as constants the gradient would be another one.
    probe = torch.randn(3, 4, dtype=torch.float64)
    (whole,) = torch.autograd.grad((normalised(weight, u) * probe).sum(), weight)
    v = nn.functional.normalize(u @ weight.detach(), dim=0)
    next_u = nn.functional.normalize(weight.detach() @ v, dim=0)
    (constant,) = torch.autograd.grad((weight / (next_u @ weight @ v) * probe).sum(), weight)
    assert not torch.allclose(whole, constant, rtol=1e-2)


def test_stacked_networks_under_vmap_equal_each_alone() -> None:
    def network() -> nn.Module:
        return nn.Sequential(SpectralConv2d(1, 4, kernel=4), nn.LeakyReLU(0.2), nn.Flatten(), SpectralLinear(64, 2))

    networks = [network() for _ in range(3)]
    images = torch.randn(3, 5, 1, 8, 8)
    parameters, buffers = stack_module_state(networks)
    skeleton = copy.deepcopy(networks[0]).to("meta")

    def loss(parameters: object, buffers: object, images: torch.Tensor) -> torch.Tensor:
        return functional_call(skeleton, (parameters, buffers), (images,)).square().sum()

    losses = vmap(loss)(parameters, buffers, images)
    alone = torch.stack([n(i).square().sum() for n, i in zip(networks, images, strict=True)])
    assert torch.allclose(losses, alone, rtol=1e-5)
    gradients = torch.autograd.grad(losses.sum(), list(parameters.values()))
    for name, gradient in zip(parameters, gradients, strict=True):
        expected = torch.stack(
            [
                torch.autograd.grad(n(i).square().sum(), n.get_parameter(name))[0]
                for n, i in zip(networks, images, strict=True)
            ]
        )
        assert torch.allclose(gradient, expected, rtol=1e-3, atol=1e-5)
