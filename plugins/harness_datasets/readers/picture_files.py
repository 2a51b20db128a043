"""Decoding many compressed pictures on all cores."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harness import UserError
from harness.data import progress
from harness_datasets.readers.resizing import to_pixels

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff", ".gif"})
"""What counts as a picture in a folder."""

BLOCK = 1024
"""Compressed pictures in memory at once."""


def decode_pictures(
    pictures: Iterable[tuple[str, bytes]],
    target: NDArray[np.uint8],
    prepare: Callable[[Image.Image], Image.Image],
    mode: Literal["L", "RGB"],
    description: str,
) -> None:
    """Fill target (N, H, W, C) with decoded, converted and prepared pictures, in order.

    Args:
        pictures: N compressed files, each with its name.
        target: filled in place.
        prepare: crops and resizes one picture to H x W.
        mode: grey or RGB; transparency is dropped.
        description: shown beside the progress bar.

    Raises:
        UserError: a file is no picture, or is damaged.
    """

    def fill(item: tuple[int, tuple[str, bytes]]) -> None:
        index, (name, data) = item
        try:
            with Image.open(BytesIO(data)) as picture:
                target[index] = to_pixels(prepare(picture.convert(mode)))
        # Pillow also raises SyntaxError for a damaged file.
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
            raise UserError(f"{name}: cannot be read as a picture: {error}") from None

    numbered = enumerate(pictures)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in progress(range(-(-len(target) // BLOCK)), description):
            list(threads.map(fill, islice(numbered, BLOCK)))
