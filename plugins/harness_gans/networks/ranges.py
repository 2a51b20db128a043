"""Layers that convert images from [0, 1], the harness's range, to [-1, 1], that of tanh, and back."""

from torch import Tensor, nn


class Signed(nn.Module):
    """Maps images in [0, 1] to [-1, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        """Twice the images, minus 1."""
        return 2 * images - 1


class Unsigned(nn.Module):
    """Maps images in [-1, 1] to [0, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        """(images + 1) / 2, the inverse of `Signed`."""
        return (images + 1) / 2
