"""Cropping and resizing single images."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

Pixels = NDArray[np.uint8]


def resize(image: Pixels, size: int) -> Pixels:
    """An image (H, W, C) at size x size, by Lanczos interpolation, which is what Pillow's thumbnails use."""
    return to_pixels(to_picture(image).resize((size, size), Resampling.LANCZOS))


def square(picture: Image.Image, size: int) -> Image.Image:
    """The largest central square of a picture at size x size, bilinear with antialiasing."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.resize((size, size), Resampling.BILINEAR, box=(left, top, left + side, top + side))


def sampled(image: Pixels, size: int) -> Pixels:
    """A square image (H, H, C) at size x size, bilinear between pixels and without antialiasing, as OpenCV resizes.

    Where it becomes much smaller most pixels have no part in it: at a quarter, each pixel is the mean of the middle
    2 x 2 of 4 x 4.
    """
    length = len(image)
    places = ((np.arange(size) + 0.5) * length / size - 0.5).clip(0, length - 1)
    low = places.astype(np.int64)
    high, share = np.minimum(low + 1, length - 1), places - low
    rows = image[low] * (1 - share)[:, None, None] + image[high] * share[:, None, None]
    both = rows[:, low] * (1 - share)[:, None] + rows[:, high] * share[:, None]
    return np.floor(both + 0.5).astype(np.uint8)


def to_picture(image: Pixels) -> Image.Image:
    """(H, W, 1) or (H, W, 3) bytes as a Pillow image."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def to_pixels(picture: Image.Image) -> Pixels:
    """A Pillow image, grey or RGB, as (H, W, 1) or (H, W, 3) bytes."""
    pixels = np.asarray(picture, dtype=np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels
