"""Decoding many compressed pictures on all cores."""

import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harness import UserError
from harness.data import progress
from harness_datasets.readers.picture_modes import Background, upright
from harness_datasets.readers.resizing import to_pixels

logger = logging.getLogger("harness.datasets")

FORMATS = (
    *("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PCX", "PNG"),
    *("PPM", "PSD", "QOI", "SGI", "SUN", "TGA", "TIFF", "WEBP"),
)
"""Pillow's formats of still pictures, but none for which it runs another program, such as PostScript."""

BLOCK = 1024
"""Compressed pictures in memory at once."""


def suffixes() -> frozenset[str]:
    """What names of pictures end in, in small letters, as far as this installation of Pillow knows the format."""
    known = (*FORMATS, "MPO")  # A JPEG of several pictures, opened as a JPEG.
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in known)


def pictures_below(folder: Path) -> list[Path]:
    """Every picture in a folder and the folders inside it, linked ones too, in the order of their paths.

    Hidden files and folders are left out, and a folder that several links lead to is visited once. Names of other
    files that were left out are logged.

    Raises:
        UserError: a folder cannot be read.
    """

    def unreadable(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}")

    known, visited = suffixes(), {folder.resolve()}
    pictures: list[Path] = []
    others: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        found, folders[:] = sorted(folders), []
        for name in found:
            real = Path(place, name).resolve()
            if not name.startswith(".") and real not in visited:
                visited.add(real)
                folders.append(name)
        for name in files:
            path = Path(place, name)
            if not name.startswith("."):
                (pictures if path.suffix.lower() in known and path.is_file() else others).append(path)
    if others:
        first = ", ".join(str(path.relative_to(folder)) for path in sorted(others)[:5])
        logger.warning("%s: left out %d of its files, which are no pictures: %s", folder, len(others), first)
    return sorted(pictures)


def contents(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Each file's name and what it holds.

    Raises:
        UserError: a file cannot be read.
    """
    for path in paths:
        try:
            yield str(path), path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def decode_pictures(
    pictures: Iterable[tuple[str, bytes]],
    target: NDArray[np.uint8],
    prepare: Callable[[Image.Image], Image.Image],
    mode: Literal["L", "RGB"],
    description: str,
    background: Background = "white",
) -> None:
    """Fill target (N, H, W, C) with decoded, converted and prepared pictures, in order.

    Of several frames the first is taken.

    Args:
        pictures: N compressed files, each with its name.
        target: filled in place.
        prepare: crops and resizes one picture to H x W.
        mode: grey or RGB; see `picture_modes.upright` for what depth, orientation and transparency become.
        description: shown beside the progress bar.
        background: what shows through transparent pictures.

    Raises:
        UserError: a file is no picture, is damaged, or has more pixels than Pillow takes for harmless (89 million).
    """
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]

    def fill(item: tuple[int, tuple[str, bytes]]) -> None:
        index, (name, data) = item
        try:
            with Image.open(BytesIO(data), formats=formats) as picture:
                target[index] = to_pixels(prepare(upright(picture, mode, background)))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise UserError(
                f"{name}: is larger than {Image.MAX_IMAGE_PIXELS:,} pixels; make it smaller, or leave it out"
            ) from None
        except UnidentifiedImageError:  # Whose own words name an object in memory.
            raise UserError(f"{name}: cannot be read as a picture: it is none, or its beginning is damaged") from None
        # What Pillow raises for a damaged file depends on where the damage is.
        except Exception as error:  # So do damaged pictures, whatever decodes them.
            raise UserError(f"{name}: cannot be read as a picture: {error}") from None

    numbered = enumerate(pictures)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for _ in progress(range(-(-len(target) // BLOCK)), description):
                list(threads.map(fill, islice(numbered, BLOCK)))
