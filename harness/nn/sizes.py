"""How the layers of a network follow from the image size and a width multiplier."""

from harness.model import ImageSpec


def scaled(channels: int, width: float) -> int:
    """A paper's number of channels or units times a width multiplier, at least 1."""
    return max(1, round(channels * width))


def halvings(image: ImageSpec) -> int:
    """How often a square image halves on its way to 4x4 pixels; 0 if it never gets there.

    >>> halvings(ImageSpec(1, 64, 64)), halvings(ImageSpec(1, 28, 28)), halvings(ImageSpec(1, 64, 32))
    (4, 0, 0)
    """
    side, times = image.height, 0
    while side > 4 and side % 2 == 0:
        side, times = side // 2, times + 1
    return times if side == 4 and image.height == image.width else 0
