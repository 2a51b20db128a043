"""Convolutions of our own give what torch's give, in every use that training has."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import grad, vmap
from torch.nn import functional

from harness.nn.convolution import SameConv2d, SameConvTranspose2d, same_padding
from harness.nn.few_channels import FEWEST, few_channel_conv2d, few_channel_conv_transpose2d, has_few_channels

KINDS = ("conv2d", "conv_transpose2d")


def ours(kind, settings):
    function = {
        "conv2d": few_channel_conv2d,
        "conv_transpose2d": few_channel_conv_transpose2d,
    }[kind]
    return lambda maps, weight, bias: function(maps, weight, bias, settings)


def torch_own(kind, settings, extra):
    stride, padding = settings

    def convolve(maps, weight, bias):
        return functional.conv2d(functional.pad(maps, (0, extra, 0, extra)), weight, bias, stride, padding)

    def transposed(maps, weight, bias):
        images = functional.conv_transpose2d(maps, weight, bias, stride, padding)
        return images[..., : images.shape[-2] - extra, : images.shape[-1] - extra]

    return transposed if "transpose" in kind else convolve


def make(kind, seed=0, *, count=2, channels=5, few=1, kernel=4, stride=2, height=3, width=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    transposed = "transpose" in kind
    shape = (count, channels, height, width) if transposed else (count, few, stride * height, stride * width)
    bias = (few if transposed else channels,)
    tensors = [
        torch.randn(size, generator=generator, dtype=dtype) for size in (shape, (channels, few, kernel, kernel), bias)
    ]
    before, after = same_padding(kernel, stride)
    return tensors, (stride, before), after - before


sizes = st.fixed_dictionaries(
    {
        "count": st.integers(1, 3),
        "channels": st.integers(1, 6),
        "few": st.integers(1, 3),
        "height": st.integers(1, 4),
        "width": st.integers(1, 4),
        "seed": st.integers(0, 2**30),
    }
)


@pytest.mark.parametrize("kind", KINDS)
@given(sizes=sizes, stride=st.integers(1, 3), more=st.integers(0, 3))
def test_values_and_gradients_are_those_of_torch(kind, sizes, stride, more):
    tensors, settings, extra = make(kind, kernel=stride + more, stride=stride, **sizes)
    for tensor in tensors:
        tensor.requires_grad_()
    results = [function(*tensors) for function in (ours(kind, settings), torch_own(kind, settings, extra))]
    torch.testing.assert_close(*results)
    weights = torch.randn_like(results[0])
    torch.testing.assert_close(*[torch.autograd.grad((result * weights).sum(), tensors) for result in results])


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_can_be_differentiated(kind, kernel):
    tensors, settings, _ = make(kind, kernel=kernel, channels=2, height=2, width=2)
    inputs = [tensor.requires_grad_() for tensor in tensors]
    assert torch.autograd.gradcheck(ours(kind, settings), inputs)
    assert torch.autograd.gradgradcheck(ours(kind, settings), inputs)


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_several_models_are_computed_at_once(kind, kernel):
    members = [make(kind, seed, kernel=kernel) for seed in range(3)]
    _, settings, _ = members[0]
    function = ours(kind, settings)
    stacked = [torch.stack(tensors) for tensors in zip(*(tensors for tensors, *_ in members), strict=True)]
    by_all = grad(lambda *tensors: function(*tensors).square().sum(), argnums=(0, 1, 2))
    together = vmap(by_all)(*stacked)
    for i, (tensors, *_) in enumerate(members):
        torch.testing.assert_close([part[i] for part in together], list(by_all(*tensors)))


@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("few", [1, 3])
def test_layers_use_it_and_stay_what_they_were(few, format, monkeypatch):
    images = torch.randn(2, few, 8, 8).contiguous(memory_format=format)
    layers = [SameConv2d(few, 8, 5).to(memory_format=format), SameConvTranspose2d(8, few, 5).to(memory_format=format)]
    maps = layers[0](images)
    results = [maps, layers[1](maps)]
    assert has_few_channels(images, few)
    monkeypatch.setattr("harness.nn.convolution.has_few_channels", lambda *_: False)
    plain = [layers[0](images), layers[1](layers[0](images))]
    torch.testing.assert_close(results, plain)


def test_it_is_for_few_channels_in_float32_on_cpus():
    images = torch.zeros(1, 1, 4, 4)
    assert has_few_channels(images, 1)
    assert not has_few_channels(images, FEWEST)
    assert not has_few_channels(images.double(), 1)
    assert not has_few_channels(images.to("meta"), 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert not has_few_channels(images, 1)
