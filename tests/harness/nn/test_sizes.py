"""Layers from the image size."""

import pytest

from harness import ImageSpec
from harness.nn.sizes import halvings, scaled


@pytest.mark.parametrize(
    ("height", "width", "times"),
    [(64, 64, 4), (32, 32, 3), (128, 128, 5), (4, 4, 0), (28, 28, 0), (64, 32, 0), (96, 96, 0), (2, 2, 0)],
)
def test_halvings_to_four(height: int, width: int, times: int) -> None:
    assert halvings(ImageSpec(1, height, width)) == times


def test_scaled() -> None:
    assert [scaled(32, 1.0), scaled(32, 0.5), scaled(3, 0.5), scaled(32, 0.001)] == [32, 16, 2, 1]
