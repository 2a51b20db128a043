"""Layers between images in [0, 1], as the harness has them, and the [-1, 1] of networks that end in tanh."""

from torch import Tensor, nn


class Signed(nn.Module):
    """[0, 1] to [-1, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        """Twice the images, minus 1."""
        return 2 * images - 1


class Unsigned(nn.Module):
    """[-1, 1] to [0, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        """The opposite of `Signed`."""
        return (images + 1) / 2
