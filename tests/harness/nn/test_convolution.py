"""SAME padding: where the pixels land."""

import pytest
import torch

from harness.nn.convolution import SameConv2d, SameConvTranspose2d, same_padding


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(4, 2, (1, 1)), (5, 2, (1, 2)), (2, 2, (0, 0)), (3, 2, (0, 1)), (3, 1, (1, 1))]
)
def test_same_padding(kernel: int, stride: int, padding: tuple[int, int]) -> None:
    assert same_padding(kernel, stride) == padding


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
def test_shapes_halve_and_double(kernel: int) -> None:
    assert SameConv2d(3, 7, kernel)(torch.zeros(2, 3, 8, 6)).shape == (2, 7, 4, 3)
    assert SameConvTranspose2d(3, 7, kernel)(torch.zeros(2, 3, 4, 3)).shape == (2, 7, 8, 6)


def test_kernel_5_pads_one_before_and_two_after() -> None:
    layer = SameConv2d(1, 1, kernel=5, bias=False)
    image = torch.arange(16.0).view(1, 1, 4, 4)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 1, 1] = 1  # the tap that sits on the pixel itself, one pixel being padded before
        assert layer(image).flatten().tolist() == [0, 2, 8, 10]
        layer.weight.zero_()
        layer.weight[0, 0, 4, 4] = 1  # three pixels further: only the first output reaches the image
        assert layer(image).flatten().tolist() == [15, 0, 0, 0]


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
def test_transposed_convolution_is_the_gradient_of_the_convolution(kernel: int) -> None:
    """As TensorFlow defines it: <conv(x), y> = <x, conv_transpose(y)> for the same weight."""
    convolution = SameConv2d(2, 3, kernel, bias=False)
    transposed = SameConvTranspose2d(3, 2, kernel, bias=False)
    transposed.load_state_dict(convolution.state_dict())
    x, y = torch.randn(1, 2, 8, 8), torch.randn(1, 3, 4, 4)
    assert torch.allclose((convolution(x) * y).sum(), (x * transposed(y)).sum(), atol=1e-4)
