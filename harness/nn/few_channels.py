"""Fast convolutions on CPUs between many channels and the one to three of an image.

torch's CPU libraries work on channels in blocks of 8 or 16: a transposed convolution to one or three channels, which
is also what the gradient by such images is, wastes most of each block. Here it is a matrix product, from the channels
of a pixel to what the pixel adds to each place under the kernel, and sums of shifted planes: 2 to 6 times as fast.
The other directions, which are not wasteful, stay torch's. Gradients may be differentiated again, and all of it
vmapped.
"""

import inspect
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

FEWEST = 4
"""With this many channels and more, torch's own kernels win."""

Geometry = tuple[int, int]
"""Stride, and padding before, along both axes."""


def has_few_channels(images: Tensor, channels: int) -> bool:
    """Whether the functions here are faster than torch's, for this input and the channels of the image's side."""
    return (
        channels < FEWEST
        and images.device.type == "cpu"
        and images.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def few_channel_conv2d(images: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """`conv2d` of (N, few, s·H, s·W) images, padded behind so that s·H pixels become H; weight (C, few, k, k)."""
    result: Tensor = _Convolution.apply(images, weight, bias, geometry)
    return result


def few_channel_conv_transpose2d(maps: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """`conv_transpose2d` of (N, C, H, W) to (N, few, s·H, s·W), the first of its pixels; weight (C, few, k, k)."""
    images: Tensor = _Transposed.apply(maps, weight, geometry)
    return images if bias is None else images + bias[:, None, None]


class _Convolution(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        stride, padding = geometry
        return functional.conv2d(_pad_behind(images, weight, geometry), weight, bias, stride, padding)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None, Geometry], output: Tensor) -> None:
        images, weight, bias, ctx.geometry = inputs
        ctx.save_for_backward(images, weight)
        ctx.has_bias = bias is not None

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        images, weight = ctx.saved_tensors
        by_images, by_weight, by_bias = ctx.needs_input_grad[:3]
        return (
            few_channel_conv_transpose2d(gradient, weight, None, ctx.geometry) if by_images else None,
            _by_weight(gradient, images, weight, ctx.geometry) if by_weight else None,
            gradient.sum((0, 2, 3)) if by_bias and ctx.has_bias else None,
            None,
        )


class _Transposed(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        stride, padding = geometry
        count, channels, height, width = maps.shape
        _, few, kernel, _ = weight.shape
        pixels = maps.permute(0, 2, 3, 1).reshape(-1, channels)
        parts = weight.permute(2, 3, 1, 0).reshape(-1, channels) @ pixels.T
        # (row's tap, column's tap, few, N, H, W): what each pixel of the maps adds to the images, by tap.
        places = parts.view(kernel, kernel, few, count, height, width)
        # The kernel is summed one axis at a time: first the taps of the rows, then those of the columns.
        rows = torch.stack(_scattered(places, stride, padding, -2))
        images = torch.stack(_scattered(rows.transpose(0, 1), stride, padding, -1))
        # (column's remainder, row's, few, N, H, W) to (N, few, H, row's, W, column's)
        return images.permute(3, 2, 4, 1, 5, 0).reshape(count, few, stride * height, stride * width)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Geometry], output: Tensor) -> None:
        maps, weight, ctx.geometry = inputs
        ctx.save_for_backward(maps, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        maps, weight = ctx.saved_tensors
        by_maps, by_weight, _ = ctx.needs_input_grad
        return (
            few_channel_conv2d(gradient, weight, None, ctx.geometry) if by_maps else None,
            _by_weight(maps, gradient, weight, ctx.geometry) if by_weight else None,
            None,
        )


def _know_signature(function: Any) -> None:
    """Work out a signature once: torch asks for it at every call, which takes longer than some of the sums here."""
    function.__signature__ = inspect.signature(function)


_know_signature(_Convolution.forward)
_know_signature(_Transposed.forward)


def _scattered(places: Tensor, stride: int, padding: int, axis: int) -> list[Tensor]:
    """Sum what arrives at pixels s·i + r along an axis, for each remainder r.

    Args:
        places: (k, ...) what pixel i adds to pixel s·i + tap - padding, by tap.
        stride: s.
        padding: before.
        axis: of i, counted from the end.
    """
    kernel, size = len(places), places.shape[axis]
    sums = []
    for remainder in range(stride):
        here = remainder + padding  # the tap by which pixel i reaches s·i + r
        total = places[here].clone() if here < kernel else torch.zeros_like(places[0])
        for tap in range(here % stride, kernel, stride):
            # By this tap pixel i + ahead reaches s·i + r as well; at the border there is no such pixel.
            ahead = (here - tap) // stride
            if ahead and abs(ahead) < size:
                source = places[tap].narrow(axis, max(ahead, 0), size - abs(ahead))
                total.narrow(axis, max(-ahead, 0), size - abs(ahead)).add_(source)
        sums.append(total)
    return sums


def _by_weight(maps: Tensor, images: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """The gradient by the weight of a convolution of images to maps, or of the transposed one of maps to images."""
    stride, padding = geometry
    _, gradient, _ = torch.ops.aten.convolution_backward(
        maps,
        _pad_behind(images, weight, geometry),
        weight,
        None,
        [stride, stride],
        [padding, padding],
        [1, 1],
        False,
        [0, 0],
        1,
        [False, True, False],
    )
    result: Tensor = gradient
    return result


def _pad_behind(images: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Images with the zeros behind that SAME padding has more of than before."""
    stride, padding = geometry
    extra = weight.shape[-1] - stride - 2 * padding
    return functional.pad(images, (0, extra, 0, extra)) if extra > 0 else images
