"""Structural similarity of images, on one scale and on several."""

import torch
from torch import Tensor
from torch.nn import functional

from harness.nn import to_double

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, the finest first (Wang et al., 2003)."""
WINDOW, SIGMA = 11, 1.5
"""Side and standard deviation of the Gaussian window, pixels."""
C1, C2 = 0.01**2, 0.03**2
"""Constants for images in [0, 1]."""


def scales(height: int, width: int) -> int:
    """On how many scales images are compared: as long as the window fits into them, at least 1, at most 5.

    >>> scales(32, 32), scales(64, 64), scales(8, 8), scales(256, 256)
    (2, 3, 1, 5)
    """
    side, found = min(height, width) // 2, 1
    while side >= WINDOW and found < len(WEIGHTS):
        side, found = side // 2, found + 1
    return found


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Multi-scale structural similarity (N,) of images (N, C, H, W) in [0, 1], averaged over channels; 1 if equal.

    Contrast and structure count on every scale and luminance on the coarsest. The weights of the scales that
    there are are divided by their sum, as the published ones sum to 1. A negative similarity on one scale counts as 0.
    """
    # In double precision, because variances of flat places are differences of almost equal numbers.
    a, b = to_double(a), to_double(b)
    weights = a.new_tensor(WEIGHTS[: scales(a.shape[2], a.shape[3])])
    weights = weights / weights.sum()
    product = a.new_ones(a.shape[:2])
    for weight in weights[:-1]:
        _, contrast_structure = ssim(a, b)
        product = product * contrast_structure.clamp(min=0) ** weight
        a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
    similarity, _ = ssim(a, b)
    return (product * similarity.clamp(min=0) ** weights[-1]).mean(dim=1)


def ssim(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Structural similarity and its factor without luminance, (N, C) each, of images (N, C, H, W) in [0, 1].

    Means over all places where the window lies within the image; the window of smaller images is as large as
    they are.
    """
    window = _window(min(WINDOW, *a.shape[2:])).to(a)
    mean_a, mean_b = _filter(a, window), _filter(b, window)
    variance_a = _filter(a * a, window) - mean_a**2
    variance_b = _filter(b * b, window) - mean_b**2
    covariance = _filter(a * b, window) - mean_a * mean_b
    contrast_structure = (2 * covariance + C2) / (variance_a + variance_b + C2)
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return (luminance * contrast_structure).mean(dim=(2, 3)), contrast_structure.mean(dim=(2, 3))


def _window(side: int) -> Tensor:
    """A Gaussian window (side,) of sum 1."""
    places = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    window = (-(places**2) / (2 * SIGMA**2)).exp()
    return window / window.sum()


def _filter(images: Tensor, window: Tensor) -> Tensor:
    """Every channel filtered with the outer product of a window (side,) with itself."""
    n, channels, height, width = images.shape
    flat = images.reshape(n * channels, 1, height, width)
    filtered = functional.conv2d(functional.conv2d(flat, window[None, None, :, None]), window[None, None, None, :])
    return filtered.reshape(n, channels, *filtered.shape[2:])
