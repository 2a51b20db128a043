"""Pictures of every mode, depth and orientation that Pillow opens, against values worked out by hand."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harness_datasets.readers.picture_modes import upright

RAMP = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
"""257 apart, so that 8 bits of it are 0, 1, ... 255."""
RED = (200, 100, 50)


def read(data, mode="RGB", background="white"):
    """A compressed picture as bytes (H, W) or (H, W, 3)."""
    with Image.open(BytesIO(data)) as picture:
        return np.asarray(upright(picture, mode, background))


def saved(picture, form, **options):
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def png(width, height, depth, colour, rows, transparent=b""):
    """A PNG of rows that are packed already, since Pillow writes few depths."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    key = chunk(b"tRNS", transparent) if transparent else b""
    body = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + key + body + chunk(b"IEND", b"")


def tiff(values, bits, photometric=1, sample_format=1):
    """An uncompressed little-endian grey TIFF of one strip."""
    height, width = values.shape
    fields = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: 1, 278: height, 339: sample_format}
    fields |= {273: 8 + 2 + 12 * (len(fields) + 2) + 4, 279: values.nbytes}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, fields[tag]) for tag in sorted(fields))
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + bytes(4) + values.tobytes()


DEEP = {
    "PNG": saved(Image.fromarray(RAMP), "PNG"),
    "TIFF": saved(Image.fromarray(RAMP), "TIFF"),
    "big-endian TIFF": saved(Image.fromarray(RAMP.astype(">u2")), "TIFF"),
    "compressed TIFF": saved(Image.fromarray(RAMP), "TIFF", compression="tiff_lzw"),
    "JPEG 2000": saved(Image.fromarray(RAMP), "JPEG2000"),
    "PGM": b"P5 16 16 65535\n" + RAMP.astype(">u2").tobytes(),
    "PGM as text": b"P2 16 16 65535\n" + b" ".join(b"%d" % value for value in RAMP.ravel()),
}


@pytest.mark.parametrize("form", DEEP)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_ramp_of_16_bits_is_the_ramp_of_8(form, mode):
    ramp = read(DEEP[form], mode)
    assert (ramp.reshape(256, -1) == np.arange(256)[:, None]).all()


def test_fewer_than_16_bits_are_scaled_by_the_depth_that_the_file_states():
    ten = b"P5 2 1 1023\n" + struct.pack(">HH", 1023, 511)
    assert read(ten, "L").tolist() == [[255, 127]]
    # Two values of 12 bits in three bytes: 0xFFF, 0x800.
    twelve = tiff(np.array([[0xFF, 0xF8, 0x00]], dtype=np.uint8), 12).replace(
        struct.pack("<HHII", 256, 4, 1, 3), struct.pack("<HHII", 256, 4, 1, 2)
    )
    assert read(twelve, "L").tolist() == [[255, 128]]


def test_a_deep_tiff_whose_0_is_white_is_turned_round():
    assert read(tiff(np.array([[0, 65535, 257]], dtype=np.uint16), 16, photometric=0), "L").tolist() == [[255, 0, 254]]


@pytest.mark.parametrize(
    "data",
    [
        saved(Image.fromarray(np.ones((2, 2), dtype=np.float32)), "TIFF"),
        saved(Image.fromarray(np.ones((2, 2), dtype=np.float32)), "PPM"),
        saved(Image.fromarray(np.ones((2, 2), dtype=np.int32)), "TIFF"),
        tiff(np.ones((2, 2), dtype=np.uint32), 32),
        tiff(np.ones((2, 2), dtype=np.int8), 8, sample_format=2),
    ],
    ids=["float TIFF", "PFM", "signed 32", "unsigned 32", "signed 8"],
)
def test_numbers_without_a_stated_range_are_refused(data):
    with pytest.raises(ValueError, match="save it with 8 or 16"):
        read(data)


# Half-transparent: 128/255 of the colour and 127/255 of the background.
HALF_ON_WHITE, HALF_ON_BLACK = [227, 177, 152], [100, 50, 25]


@pytest.mark.parametrize("form", ["PNG", "TIFF", "TGA", "AVIF", "JPEG2000", "WEBP"])
def test_transparent_colours_are_blended_onto_the_background(form):
    lossless = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100}}.get(form, {})
    data = saved(Image.new("RGBA", (4, 4), (*RED, 128)), form, **lossless)
    assert np.abs(read(data)[0, 0] - np.array(HALF_ON_WHITE)).max() <= 2
    assert np.abs(read(data, background="black")[0, 0] - np.array(HALF_ON_BLACK)).max() <= 2
    hidden = saved(Image.new("RGBA", (4, 4), (*RED, 0)), form, **lossless)
    assert (read(hidden, background="grey") == 128).all()


def test_transparent_pixels_blend_in_every_mode_that_has_them():
    half = Image.new("RGBA", (2, 2), (*RED, 128))
    for picture in (half, half.convert("RGBa"), half.convert("P"), half.convert("P").convert("PA")):
        assert np.abs(np.asarray(upright(picture, "RGB", "white"))[0, 0] - np.array(HALF_ON_WHITE)).max() <= 1
    grey = Image.new("LA", (2, 2), (100, 51))
    for picture in (grey, grey.convert("La")):
        # A fifth of 100 and four fifths of 255.
        assert np.asarray(upright(picture, "L", "white")).tolist() == [[224, 224], [224, 224]]


def test_a_transparent_colour_of_a_palette_and_of_a_gif():
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 250, 0, 0])
    picture.putpixel((1, 0), 1)
    for form in ("PNG", "GIF"):
        assert read(saved(picture, form, transparency=1)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png(8, 1, 1, 0, [b"\xf0"], struct.pack(">H", 1)), [128] * 4 + [0] * 4),
        (png(4, 1, 2, 0, [b"\x1b"], struct.pack(">H", 1)), [0, 128, 170, 255]),
        (png(2, 1, 4, 0, [b"\x3f"], struct.pack(">H", 15)), [51, 128]),
        (png(2, 1, 8, 0, [b"\x03\x0f"], struct.pack(">H", 3)), [128, 15]),
        (png(2, 1, 16, 0, [b"\x01\x01\xff\xff"], struct.pack(">H", 257)), [128, 255]),
        (png(2, 1, 8, 2, [b"\x01\x01\x01\x07\x07\x07"], struct.pack(">HHH", 7, 7, 7)), [1, 128]),
    ],
    ids=["1 bit", "2 bits", "4 bits", "8 bits", "16 bits", "RGB"],
)
def test_the_transparent_colour_of_a_png_of_any_depth(data, expected):
    assert read(data, "L", "grey").tolist() == [expected]


def test_a_transparent_colour_that_8_bits_cannot_tell_apart_is_refused():
    with pytest.raises(ValueError, match="transparent, which cannot be told apart in 8"):
        read(png(1, 1, 16, 2, [bytes(6)], bytes(6)))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, [255, 255, 255]),
        ("L", 7, [7, 7, 7]),
        ("RGB", RED, list(RED)),
        ("RGBX", (*RED, 0), list(RED)),
        # 255 less the ink of each colour.
        ("CMYK", (55, 155, 205, 0), list(RED)),
        ("CMYK", (0, 0, 0, 255), [0, 0, 0]),
        ("YCbCr", (76, 85, 255), [254, 0, 0]),
        ("HSV", (0, 255, 255), [255, 0, 0]),
        ("LAB", (255, 128, 128), [255, 255, 255]),
    ],
)
def test_every_mode_has_its_colours(mode, colour, expected):
    found = np.asarray(upright(Image.new(mode, (2, 2), colour), "RGB", "white"))
    assert np.abs(found[1, 1] - np.array(expected)).max() <= 1


def test_16_bits_of_colour_are_8():
    rows = [struct.pack(">HHH", 65535, 0x8000, 0)]
    assert read(png(1, 1, 16, 2, rows)).tolist() == [[[255, 128, 0]]]
    assert read(b"P6 1 1 65535\n" + rows[0]).tolist() == [[[255, 128, 0]]]


# Where the picture's four corners (a b above c d) are to be seen, by EXIF orientation.
TURNED = {1: "abcd", 2: "badc", 3: "dcba", 4: "cdab", 5: "acbd", 6: "cadb", 7: "dbca", 8: "bdac"}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("deep", [False, True])
def test_exif_orientation_is_applied(orientation, form, deep):
    if deep and form in ("WEBP", "JPEG"):
        return
    corners = dict(zip("abcd", (0, 60, 130, 255), strict=True))
    square = np.kron(np.array([[0, 60], [130, 255]]), np.ones((8, 12), dtype=int))
    picture = Image.fromarray((square * 257).astype(np.uint16) if deep else square.astype(np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    found = read(saved(picture, form, exif=exif), "L")
    assert found.shape == ((24, 16) if orientation > 4 else (16, 24))
    seen = [found[0, 0], found[0, -1], found[-1, 0], found[-1, -1]]
    assert np.abs(np.array(seen, dtype=int) - [corners[name] for name in TURNED[orientation]]).max() <= 3
