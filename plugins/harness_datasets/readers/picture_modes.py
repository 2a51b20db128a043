"""Pictures of any depth, with or without transparency, upright and as bytes, grey or RGB."""

from typing import Literal

import numpy as np
from PIL import Image, ImageOps

Background = Literal["black", "grey", "white"]
"""What shows through transparent pictures."""

SHADES: dict[Background, int] = {"black": 0, "grey": 128, "white": 255}

DEEP = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
"""Pillow's modes for grey pictures of more than 8 bits."""

SAMPLE_FORMAT, BITS_PER_SAMPLE, PHOTOMETRIC = 339, 258, 262
"""TIFF's tags."""


def upright(picture: Image.Image, mode: Literal["L", "RGB"], background: Background) -> Image.Image:
    """An opened picture in 8 bits, turned as EXIF says and blended onto a background where it is transparent.

    Grey pictures of more bits are scaled by their format's depth, so that its whitest value becomes 255.

    Raises:
        ValueError: its numbers have no stated range (floating-point or signed ones, or ones of 32 bits), or their
            colours are none that Pillow can convert.
    """
    whitest, inverted = _whitest(picture), _is_inverted(picture)
    unpacking = _unpacking(picture)
    picture.load()
    turned = ImageOps.exif_transpose(picture)
    key = turned.info.get("transparency")
    if whitest is not None:
        return _deep_to_bytes(turned, whitest, inverted, key, SHADES[background]).convert(mode)
    if isinstance(key, int | tuple):
        turned.info["transparency"] = _key_in_bytes(key, unpacking)
    if turned.has_transparency_data:
        # Premultiplied colours first become plain ones, which Pillow does from no other mode.
        plain = turned.convert("LA") if turned.mode == "La" else turned
        shade = SHADES[background]
        below = Image.new("RGBA", plain.size, (shade, shade, shade, 255))
        turned = Image.alpha_composite(below, plain.convert("RGBA"))
    return turned.convert("RGB").convert(mode) if turned.mode not in ("1", "L") else turned.convert(mode)


def _whitest(picture: Image.Image) -> int | None:
    """The largest value of the format's depth for a grey picture of more than 8 bits, None for any other picture."""
    tags = getattr(picture, "tag_v2", {})
    if picture.mode == "F" or any(kind not in (1, 4) for kind in tags.get(SAMPLE_FORMAT, ())):
        raise ValueError("its numbers are floating-point or signed and have no stated range; save it with 8 or 16 bits")
    if picture.mode not in DEEP:
        return None
    # Pillow scales netpbm's and JPEG 2000's depths to 16 bits by itself.
    bits = tags.get(BITS_PER_SAMPLE, (16,))[0]
    if bits > 16 or (picture.mode == "I" and picture.format not in ("PNG", "PPM")):
        raise ValueError(f"its numbers have {max(bits, 32)} bits; save it with 8 or 16")
    return int(2**bits - 1)


def _is_inverted(picture: Image.Image) -> bool:
    """Whether 0 is white in a TIFF, which Pillow minds in pictures of up to 8 bits only."""
    return getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == 0


def _unpacking(picture: Image.Image) -> str:
    """How Pillow unpacks a PNG's pixels, such as "L;4"; "" for other formats."""
    tiles = getattr(picture, "tile", ())
    arguments = tiles[0][3] if picture.format == "PNG" and tiles else ""
    return arguments if isinstance(arguments, str) else ""


def _key_in_bytes(key: int | tuple[int, ...], unpacking: str) -> int | tuple[int, ...]:
    """A PNG's transparent colour in the values that its pixels have once Pillow has unpacked them."""
    if unpacking == "RGB;16B":
        raise ValueError(
            "one of its colours of 16 bits is transparent, which cannot be told apart in 8; save it as RGBA"
        )
    scale = {"L;2": 85, "L;4": 17}.get(unpacking, 1)
    return key * scale if isinstance(key, int) else key


def _deep_to_bytes(picture: Image.Image, whitest: int, inverted: bool, key: object, shade: int) -> Image.Image:
    values = np.asarray(picture).astype(np.int64)
    grey = (np.clip(values, 0, whitest) * 255 + whitest // 2) // whitest
    if inverted:
        grey = 255 - grey
    if isinstance(key, int):
        grey = np.where(values == key, shade, grey)
    return Image.fromarray(grey.astype(np.uint8))
