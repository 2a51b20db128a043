"""Strided convolutions with TensorFlow's SAME padding, which the papers' code was written in.

For sizes that the stride divides, SAME pads `kernel - stride` pixels in all, the odd one at the end:
kernel 4, stride 2 pads 1 and 1; kernel 5, stride 2 pads 1 before and 2 after. An image of side `stride * n`
becomes n wide, and the transposed convolution turns n into `stride * n`.
"""

from torch import Tensor, nn
from torch.nn import functional

from harness.nn.few_channels import few_channel_conv2d, few_channel_conv_transpose2d, has_few_channels


def same_padding(kernel: int, stride: int) -> tuple[int, int]:
    """Pixels added (before, after) along each axis whose size the stride divides."""
    total = max(kernel - stride, 0)
    return total // 2, total - total // 2


class SameConv2d(nn.Conv2d):
    """Convolution of (N, C, H, W) to (N, outputs, H / stride, W / stride); the stride must divide H and W."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 2, *, bias: bool = True) -> None:
        before, after = same_padding(kernel, stride)
        super().__init__(inputs, outputs, kernel, stride, padding=before, bias=bias)
        self.extra = after - before

    def forward(self, input: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return self.convolve(input, self.weight)

    def convolve(self, input: Tensor, weight: Tensor) -> Tensor:
        """Convolve with another weight of the same shape, such as a normalised one."""
        if has_few_channels(input, self.in_channels):
            return few_channel_conv2d(input, weight, self.bias, (self.stride[0], int(self.padding[0])))
        if self.extra:
            input = functional.pad(input, (0, self.extra, 0, self.extra))
        return functional.conv2d(input, weight, self.bias, self.stride, self.padding)


class SameConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution of (N, C, H, W) to (N, outputs, stride * H, stride * W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 2, *, bias: bool = True) -> None:
        before, after = same_padding(kernel, stride)
        super().__init__(inputs, outputs, kernel, stride, padding=before, bias=bias)
        self.extra = after - before

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, stride * H, stride * W)."""
        if has_few_channels(input, self.out_channels):
            return few_channel_conv_transpose2d(input, self.weight, self.bias, (self.stride[0], int(self.padding[0])))
        output = super().forward(input, output_size)
        return output[..., : -self.extra, : -self.extra] if self.extra else output
