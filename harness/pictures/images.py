"""Grids of images with labels, and picture files."""

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from harness.errors import UserError

Pixels: TypeAlias = NDArray[np.uint8]
"""Images as (..., H, W, 3)."""

LEGIBLE = 64
"""Side of the smallest image on a sheet, pixels; smaller ones are enlarged."""

GAP = 2
TEXT_SIZE = 14
PAPER = (255, 255, 255)
INK = (40, 40, 40)
FRAME_MILLISECONDS = 120
WEBP_QUALITY = 88


def pixels(images: Tensor) -> Pixels:
    """Convert images (N, C, H, W) in [0, 1] to bytes (N, H, W, 3); values outside are clipped.

    Three channels are shown in colour. One channel is shown in grey, and so is the mean of any other number.
    """
    images = images.detach().float().cpu()
    if images.shape[1] != 3:
        images = images.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    rounded = (images.nan_to_num().clamp(0, 1) * 255).round().byte()
    return rounded.permute(0, 2, 3, 1).contiguous().numpy()


def tiled(images: Pixels, columns: int) -> Pixels:
    """Arrange images (N, H, W, 3) in rows (R, columns, H, W, 3); white ones fill the last row."""
    rows = math.ceil(len(images) / columns)
    filled = np.full((rows * columns, *images.shape[1:]), 255, dtype=np.uint8)
    filled[: len(images)] = images
    return filled.reshape(rows, columns, *images.shape[1:])


def mosaic(rows: Pixels) -> Pixels:
    """Join rows of images (R, C, H, W, 3) into one image (R * H, C * W, 3), without gaps."""
    r, c, height, width, channels = rows.shape
    return rows.transpose(0, 2, 1, 3, 4).reshape(r * height, c * width, channels)


def sheet(
    rows: Pixels,
    *,
    title: str = "",
    row_labels: Sequence[str] = (),
    tile_labels: Sequence[str] = (),
) -> Image.Image:
    """Draw rows of images (R, C, H, W, 3) with gaps between them and labels.

    Args:
        rows: the images; those smaller than `LEGIBLE` are enlarged by a whole number.
        title: a line above all.
        row_labels: R texts on the left.
        tile_labels: a text below each image, row by row; fewer than R * C leave the last ones bare.
    """
    scale = max(1, math.ceil(LEGIBLE / min(rows.shape[2:4])))
    rows = rows.repeat(scale, axis=2).repeat(scale, axis=3)
    r, c, height, width, _ = rows.shape
    line = TEXT_SIZE + 6
    left = max((text_width(label) for label in row_labels), default=-8) + 8
    top = line * bool(title)
    step_down, step_right = height + GAP + line * bool(tile_labels), width + GAP
    size = (max(left + c * step_right - GAP, text_width(title)), top + r * step_down - GAP)
    picture = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((0, 1), title, fill=INK, font=_font())
    for row in range(r):
        y = top + row * step_down
        if row_labels:
            draw.text((0, y + (height - TEXT_SIZE) // 2), row_labels[row], fill=INK, font=_font())
        for column in range(c):
            x = left + column * step_right
            picture.paste(Image.fromarray(rows[row, column]), (x, y))
            if (number := row * c + column) < len(tile_labels):
                draw.text((x, y + height + 1), tile_labels[number], fill=INK, font=_font())
    return picture


def side_by_side(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """Arrange pictures on white, `columns` in a row, with margins of 16 pixels."""
    margin = 16
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    heights = [max(picture.height for picture in row) for row in rows]
    width = max(sum(picture.width + margin for picture in row) for row in rows) + margin
    whole = Image.new("RGB", (width, sum(heights) + margin * (len(rows) + 1)), PAPER)
    y = margin
    for row, height in zip(rows, heights, strict=True):
        x = margin
        for picture in row:
            whole.paste(picture, (x, y))
            x += picture.width + margin
        y += height + margin
    return whole


def text_width(text: str) -> int:
    """Width of a line of text as labels are written, pixels."""
    return math.ceil(_font().getlength(text))


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(TEXT_SIZE)


def there_and_back(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """The frames forwards and then backwards, each end once, so that a loop does not jump."""
    return [*frames, *frames[-2:0:-1]]


def save(picture: Image.Image | Sequence[Image.Image], path: Path) -> Path:
    """Write a picture (PNG), or frames of equal size as an endless animation (GIF); returns the path.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(picture, Image.Image):
            picture.save(path, format="PNG", optimize=True)
        else:
            first, *others = picture
            first.save(path, format="GIF", save_all=True, append_images=others, duration=FRAME_MILLISECONDS, loop=0)
    except OSError as error:
        raise UserError(f"{path}: cannot write the picture there: {error.strerror or error}") from None
    return path


def webp(picture: Pixels) -> bytes:
    """Encode one image (H, W, 3) as a WebP file of good quality."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="WEBP", quality=WEBP_QUALITY, method=4)
    return file.getvalue()


def data_uri(picture: bytes) -> str:
    """A WebP file as a data URI, which a page can hold in place of an address."""
    return "data:image/webp;base64," + base64.b64encode(picture).decode()
