"""Pictures hold the pixels they are given."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.errors import UserError
from harness.pictures import images as image_grids


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_grey_becomes_three_equal_channels_and_values_are_clipped():
    images = torch.tensor([0.0, 0.5, 1.0, 1.5, -1.0, float("nan")]).reshape(1, 1, 2, 3)
    shown = image_grids.pixels(images)
    assert shown.shape == (1, 2, 3, 3)
    assert (shown[..., 0] == [[0, 128, 255], [255, 0, 0]]).all()
    assert (shown[..., 0] == shown[..., 1]).all()
    assert (shown[..., 0] == shown[..., 2]).all()


def test_three_channels_are_colours():
    images = torch.zeros(1, 3, 2, 2)
    images[:, 2] = 1
    assert (image_grids.pixels(images) == [0, 0, 255]).all()


@given(st.integers(1, 12), st.integers(1, 5))
def test_tiles_keep_their_order_and_the_last_row_is_filled_with_white(n, columns):
    images = noise(n, 3, 2, 3)
    rows = image_grids.tiled(images, columns)
    assert rows.shape == (-(-n // columns), columns, 3, 2, 3)
    flat = rows.reshape(-1, 3, 2, 3)
    assert (flat[:n] == images).all()
    assert (flat[n:] == 255).all()


def test_a_mosaic_puts_each_image_at_its_row_and_column():
    rows = noise(2, 3, 4, 5, 3)
    whole = image_grids.mosaic(rows)
    assert whole.shape == (8, 15, 3)
    for row in range(2):
        for column in range(3):
            assert (whole[4 * row : 4 * row + 4, 5 * column : 5 * column + 5] == rows[row, column]).all()


def test_a_sheet_enlarges_small_images_by_whole_numbers():
    rows = noise(1, 2, 16, 16, 3)
    picture = np.asarray(image_grids.sheet(rows))
    assert picture.shape == (64, 2 * 64 + image_grids.GAP, 3)
    assert (picture[:, :64] == rows[0, 0].repeat(4, axis=0).repeat(4, axis=1)).all()
    assert (picture[:, -64:] == rows[0, 1].repeat(4, axis=0).repeat(4, axis=1)).all()
    assert (picture[:, 64:-64] == 255).all()


def test_labels_stand_outside_the_images_and_are_visible():
    rows = np.full((2, 2, 64, 64, 3), 255, dtype=np.uint8)
    bare = image_grids.sheet(rows)
    assert np.asarray(bare).min() == 255
    for labels in ({"title": "x"}, {"row_labels": "ab"}, {"tile_labels": "abcd"}):
        labelled = image_grids.sheet(rows, **labels)
        assert np.asarray(labelled).min() < 128, labels
        assert labelled.width * labelled.height > bare.width * bare.height


def test_pictures_side_by_side_do_not_overlap():
    pictures = [Image.new("RGB", (10 * n, 7 * n), (n, 0, 0)) for n in (1, 2, 3)]
    whole = np.asarray(image_grids.side_by_side(pictures, columns=2))
    for n in (1, 2, 3):
        assert (whole == [n, 0, 0]).all(axis=2).sum() == 70 * n * n


def test_a_loop_goes_there_and_back_without_repeating_its_ends():
    assert image_grids.there_and_back([1, 2, 3, 4]) == [1, 2, 3, 4, 3, 2]
    assert image_grids.there_and_back([1]) == [1]


def test_files_are_png_and_endless_gif(tmp_path):
    frames = [Image.new("RGB", (6, 4), (40 * n, 0, 0)) for n in range(3)]
    with Image.open(image_grids.save(frames[2], tmp_path / "new" / "a.png")) as still:
        assert (still.format, still.size, still.getpixel((0, 0))) == ("PNG", (6, 4), (80, 0, 0))
    with Image.open(image_grids.save(frames, tmp_path / "a.gif")) as moving:
        assert (moving.format, moving.n_frames, moving.info["loop"]) == ("GIF", 3, 0)


def test_a_file_that_cannot_be_written_is_the_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        image_grids.save(Image.new("RGB", (2, 2)), tmp_path / "file" / "a.png")


def test_webp_is_close_to_the_pixels():
    smooth = np.linspace(0, 255, 32 * 32).reshape(32, 32).astype(np.uint8)
    picture = np.stack([smooth] * 3, axis=-1)
    with Image.open(io.BytesIO(image_grids.webp(picture))) as back:
        assert back.format == "WEBP"
        assert abs(np.asarray(back).astype(int) - picture).mean() < 4
