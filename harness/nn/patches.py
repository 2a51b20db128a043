"""Convolutions with SAME padding as matrix products of patches (im2col), for fleets on GPUs.

The convolutions of several models, each with weights of its own, are one grouped convolution, which cuDNN computes
group after group in float32. As matrix products they are one batched product. Maps lie in memory with their channels
last, so that patches are copied in long pieces. Gradients may be differentiated again, and all of it vmapped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import gcd
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

CHUNKS = 8
"""Products that a sum over all pixels of all images is divided into, at most: one alone leaves most of a GPU idle."""

Settings: TypeAlias = tuple[int, int]
"""Stride and padding before, along both axes; behind there is as much as makes s·H pixels of H, or H of s·H."""

_chosen: ContextVar[bool] = ContextVar("by_patches", default=False)


@contextmanager
def by_patches(chosen: bool) -> Iterator[None]:
    """Within this block layers with SAME padding use the functions here, if so chosen in it or around it."""
    before = _chosen.set(chosen or _chosen.get())
    try:
        yield
    finally:
        _chosen.reset(before)


def is_by_patches() -> bool:
    """Whether they do here."""
    return _chosen.get()


def conv2d_by_patches(images: Tensor, weight: Tensor, bias: Tensor | None, settings: Settings) -> Tensor:
    """Maps (N, C, H, W) of (N, I, s·H, s·W) images; weight (C, I, k, k), bias (C,)."""
    maps: Tensor = _Convolution.apply(*_autocast(images, weight), settings)
    return maps if bias is None else maps + bias.to(maps.dtype)[:, None, None]


def conv_transpose2d_by_patches(maps: Tensor, weight: Tensor, bias: Tensor | None, settings: Settings) -> Tensor:
    """Images (N, I, s·H, s·W) of (N, C, H, W) maps; weight (C, I, k, k), bias (I,)."""
    images: Tensor = _Transposed.apply(*_autocast(maps, weight), settings)
    return images if bias is None else images + bias.to(images.dtype)[:, None, None]


def _autocast(*tensors: Tensor) -> list[Tensor]:
    """Tensors as autocast has convolutions take them; outside of these functions, so that gradients are cast back."""
    device = tensors[0].device.type
    if not torch.is_autocast_enabled(device):
        return list(tensors)
    return [tensor.to(torch.get_autocast_dtype(device)) for tensor in tensors]


class _Convolution(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor, weight: Tensor, settings: Settings) -> Tensor:
        # (C, I, k, k) to a row for each channel of each pixel of a patch.
        maps = _patches_of(images, weight, settings) @ weight.permute(2, 3, 1, 0).flatten(0, 2)
        return maps.permute(0, 3, 1, 2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Settings], output: Tensor) -> None:
        images, weight, ctx.settings = inputs
        ctx.save_for_backward(images, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        images, weight = ctx.saved_tensors
        by_images, by_weight, _ = ctx.needs_input_grad
        return (
            conv_transpose2d_by_patches(gradient, weight, None, ctx.settings) if by_images else None,
            _by_weight(gradient, images, weight, ctx.settings) if by_weight else None,
            None,
        )


class _Transposed(torch.autograd.Function):
    """Pixel s·i + r of an axis, padding counted, has something from map pixels i - j by tap s·j + r, j = 0, 1, ...

    So each r is a convolution of its own, and all are one product of the same patches.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, weight: Tensor, settings: Settings) -> Tensor:
        stride, before = settings
        count, _, height, width = maps.shape
        channels, outputs, kernel, _ = weight.shape
        taps = -(-kernel // stride)
        missing = taps * stride - kernel
        padded = functional.pad(weight, (0, missing, 0, missing)).view(channels, outputs, taps, stride, taps, stride)
        # (C, I, j, r, j, r) to rows (j, j, C), the last j first as they meet in a patch, and columns (r, r, I).
        factors = padded.flip(2, 4).permute(2, 4, 0, 3, 5, 1).flatten(0, 2).flatten(1)
        beyond = (stride - 1 + before) // stride
        parts = _patches(maps, taps, 1, taps - 1, beyond) @ factors
        rows, columns = height + beyond, width + beyond
        pixels = parts.view(count, rows, columns, stride, stride, outputs).transpose(2, 3)
        images = pixels.reshape(count, rows * stride, columns * stride, outputs).permute(0, 3, 1, 2)
        return images[..., before : before + stride * height, before : before + stride * width]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Settings], output: Tensor) -> None:
        maps, weight, ctx.settings = inputs
        ctx.save_for_backward(maps, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        maps, weight = ctx.saved_tensors
        by_maps, by_weight, _ = ctx.needs_input_grad
        return (
            conv2d_by_patches(gradient, weight, None, ctx.settings) if by_maps else None,
            _by_weight(maps, gradient, weight, ctx.settings) if by_weight else None,
            None,
        )


def _by_weight(maps: Tensor, images: Tensor, weight: Tensor, settings: Settings) -> Tensor:
    """The gradient by the weight of a convolution of images to maps, or of the transposed one of maps to images."""
    channels, inputs, kernel, _ = weight.shape
    patches = _patches_of(images, weight, settings)
    chunks = gcd(len(maps), CHUNKS)
    pixels = patches.reshape(chunks, -1, patches.shape[-1]).transpose(1, 2)
    sums = (pixels @ maps.permute(0, 2, 3, 1).reshape(chunks, -1, channels)).sum(0)
    return sums.view(kernel, kernel, inputs, channels).permute(3, 2, 0, 1)


def _patches_of(images: Tensor, weight: Tensor, settings: Settings) -> Tensor:
    """The patches of (N, I, s·H, s·W) images that become the pixels of maps: (N, H, W, k·k·I)."""
    stride, before = settings
    kernel = weight.shape[-1]
    return _patches(images, kernel, stride, before, max(kernel - stride, 0) - before)


def _patches(maps: Tensor, kernel: int, stride: int, before: int, behind: int) -> Tensor:
    """What stands under a kernel at each of its places on padded (N, C, H, W) maps: (N, H', W', k·k·C)."""
    padded = functional.pad(maps.permute(0, 2, 3, 1), (0, 0, before, behind, before, behind))
    windows = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)
    return windows.permute(0, 1, 2, 4, 5, 3).flatten(3)
