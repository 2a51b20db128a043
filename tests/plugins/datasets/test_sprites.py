"""Sprites: the order of the grid, the geometry of dSprites, and settings that are refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config import parse
from harness.errors import UserError
from harness_datasets.sprites.sprites import Sprites

SQUARE, ELLIPSE, HEART = 0, 1, 2
LARGEST = 5


def make(**config):
    sprites = Sprites(parse(Sprites.Config, config, "dataset"))
    sprites.load()
    return sprites


def everything(sprites):
    """All images, as (shape, scale, orientation, x, y, H, W)."""
    size = sprites.image.height
    return sprites.images(torch.arange(len(sprites))).view(*sprites.factors.sizes, size, size)


@pytest.fixture(scope="module")
def corners():
    """dSprites, with positions at both ends only."""
    return everything(make(positions_x=2, positions_y=2))


@pytest.fixture(scope="module")
def small():
    return make(**Sprites.SMALL)


class TestGrid:
    """The factors, without drawing anything."""

    factors = Sprites(Sprites.Config()).factors

    def test_is_that_of_dsprites(self):
        assert len(self.factors) == 737_280
        assert self.factors.names == ("shape", "scale", "orientation", "position_x", "position_y")
        assert list(self.factors.indices(np.eye(5, dtype=int))) == [245_760, 40_960, 1_024, 32, 1]
        assert self.factors.categorical == (True, False, False, False, False)

    def test_has_the_values_of_dsprites(self):
        shape, scale, orientation, x, y = self.factors.values
        assert list(shape) == [1, 2, 3]
        assert scale == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
        assert (orientation == np.linspace(0, 2 * np.pi, 40)).all()
        assert (x == np.linspace(0, 1, 32)).all()
        assert (y == np.linspace(0, 1, 32)).all()

    def test_fits_400_mb(self):
        assert Sprites(Sprites.Config()).memory() == 737_280 * 64 * 64 // 8 < 400e6
        assert Sprites(Sprites.Config(variant="noisy")).memory() == 737_280 * 64 * 64 // 8

    @given(st.integers(0, 737_279))
    def test_levels_and_indices_are_inverse(self, index):
        assert self.factors.indices(self.factors.ids(index)) == index

    def test_a_single_level_is_the_largest_scale_upright_in_the_middle(self):
        config = Sprites.Config(shapes=("heart",), scales=1, orientations=1, positions_x=1, positions_y=1)
        assert Sprites(config).factors.real_values([0]).tolist() == [[3, 1, 0, 0.5, 0.5]]

    def test_orientation_may_leave_out_the_end(self):
        values = Sprites(Sprites.Config(orientations=5, orientation_end=False)).factors.values[2]
        assert values == pytest.approx(np.arange(5) * 2 * np.pi / 5)

    def test_the_suggested_small_grid(self, small):
        assert len(small) == 14_976
        assert str(small.image) == "1x32x32"
        assert len(everything(small).flatten(0, 4).flatten(1).unique(dim=0)) == 14_784


class TestGeometry:
    """Against sizes measured on the animation in the dSprites repository."""

    def test_upright_squares_have_the_measured_sides(self, corners):
        upright = corners[SQUARE, :, 0, 0, 0]
        assert upright.amax(-1).sum(-1).tolist() == [10, 12, 14, 16, 18, 20]
        assert upright.amax(-2).sum(-1).tolist() == [10, 12, 14, 16, 18, 20]
        assert upright.sum((-1, -2)).tolist() == [100, 144, 196, 256, 324, 400]

    def test_areas(self, corners):
        areas = corners[:, LARGEST].sum((-1, -2)).flatten(1)
        assert areas[SQUARE].median() == 368
        assert areas[ELLIPSE].mean() == pytest.approx(289, rel=0.005)
        assert areas[HEART].mean() == pytest.approx(224, rel=0.005)

    def test_upright_ellipse_lies(self, corners):
        ellipse = corners[ELLIPSE, LARGEST, 0, 0, 0]
        assert ellipse.amax(0).sum() == 26
        assert ellipse.amax(1).sum() == 14

    def test_upright_heart_row_by_row(self, corners):
        heart = corners[HEART, LARGEST, 0, 0, 0].bool()
        measured = torch.zeros(64, 64, dtype=torch.bool)
        halves = [(2, 7), (1, 8), (1, 9), *((0, n) for n in (9, 10, 10, 9, 9, 8, 8, 7, 6, 5, 4, 3, 2, 1))]
        for row, (inner, outer) in enumerate(halves, start=7):
            measured[row, 16 - outer : 16 - inner] = measured[row, 16 + inner : 16 + outer] = True
        assert measured.sum() == 222
        assert (heart != measured).sum() <= 4

    def test_rotation_is_counter_clockwise_on_screen(self):
        upright, quarter, half, three_quarters = everything(
            make(scales=1, orientations=4, orientation_end=False, positions_x=1, positions_y=1)
        )[:, 0, :, 0, 0].unbind(1)
        for turns, turned in enumerate((quarter, half, three_quarters), start=1):
            assert torch.equal(turned, upright.rot90(turns, dims=(-2, -1)))
        tip = quarter[HEART].nonzero()[:, 1].max()
        assert quarter[HEART][:, tip].sum() == 2, "the tip, down at first, points right after a quarter turn"

    def test_first_and_last_orientation_show_the_same(self, corners):
        assert torch.equal(corners[:, :, 0], corners[:, :, 39])
        assert not torch.equal(corners[:, :, 0], corners[:, :, 38])

    def test_centres_cover_the_middle_half(self):
        images = everything(make(shapes=["square", "ellipse"], scales=1, orientations=3, positions_x=5, positions_y=3))
        pixels = torch.arange(64) + 0.5
        area = images.sum((-1, -2))
        x = (images.sum(-2) @ pixels) / area
        y = (images.sum(-1) @ pixels) / area
        expected_x = 16 + 32 * torch.linspace(0, 1, 5)[:, None]
        expected_y = 16 + 32 * torch.linspace(0, 1, 3)
        assert (x - expected_x).abs().max() < 1e-4
        assert (y - expected_y).abs().max() < 1e-4

    def test_no_sprite_touches_the_border(self, corners, small):
        for images in (corners, everything(small)):
            border = torch.ones_like(images[0, 0, 0, 0, 0])
            border[1:-1, 1:-1] = 0
            assert not (images * border).any()

    @pytest.mark.parametrize("size", [32, 64, 128])
    def test_every_resolution_covers_the_same_share_of_the_image(self, size):
        config = {"scales": 1, "orientations": 13, "orientation_end": False, "positions_x": 4, "positions_y": 4}
        areas = everything(make(image_size=size, **config)).mean((1, 2, 3, 4, 5, 6)) * 64**2
        assert areas == pytest.approx(torch.tensor([19.2**2, np.pi * 12.8 * 7.2, 224]), rel=0.01)


class TestImages:
    def test_format(self, small):
        images = small.images(torch.tensor([3, 1, 4]))
        assert images.shape == (3, 1, 32, 32)
        assert images.dtype == torch.float32
        assert images.is_contiguous()
        assert set(images.unique().tolist()) == {0.0, 1.0}

    def test_no_image_is_empty(self, small):
        assert everything(small).amax((-1, -2)).all()

    @given(st.lists(st.integers(0, 14_975), min_size=1, max_size=8))
    @settings(max_examples=30)
    def test_do_not_depend_on_the_batch(self, small, indices):
        together = small.images(torch.tensor(indices))
        alone = [small.images(torch.tensor([index]))[0] for index in indices]
        assert torch.equal(together, torch.stack(alone))

    def test_position_shifts_the_image(self):
        # 17 positions are 2 pixels apart, so that neighbours show the same pixels elsewhere.
        images = everything(make(shapes=["heart"], scales=2, orientations=3, positions_x=17, positions_y=17))
        assert torch.equal(images[:, :, :, :-1, :, :, :-2], images[:, :, :, 1:, :, :, 2:])
        assert torch.equal(images[:, :, :, :, :-1, :-2, :], images[:, :, :, :, 1:, 2:, :])

    def test_a_subset_of_shapes_shows_those(self, small):
        only = make(**Sprites.SMALL, shapes=["heart", "square"])
        assert only.factors.values[0].tolist() == [3, 1]
        assert torch.equal(everything(only), everything(small)[[HEART, SQUARE]])

    def test_levels_subsample_the_full_grid(self, corners):
        few = everything(make(scales=2, orientations=4, positions_x=2, positions_y=2))
        assert torch.equal(few, corners[:, [0, 5]][:, :, [0, 13, 26, 39]])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"shapes": ["circle"]}, r"dataset\.shapes\[0\]: got 'circle', expected .*'heart'"),
        ({"shapes": ["heart", "heart"]}, r"dataset\.shapes: .*each shape once"),
        ({"shapes": []}, r"dataset\.shapes"),
        ({"scales": 0}, r"dataset\.scales: got 0"),
        ({"orientations": 0}, r"dataset\.orientations: got 0"),
        ({"image_size": 30}, r"dataset\.image_size: got 30, expected a multiple of 8"),
        ({"image_size": 0}, r"dataset\.image_size: got 0"),
        ({"position_x": 8}, r"dataset\.position_x: unknown key; did you mean 'positions_x'\?"),
    ],
)
def test_wrong_settings_are_explained(config, message):
    with pytest.raises(UserError, match=message):
        parse(Sprites.Config, config, "dataset")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_the_same_images(small):
    there = Sprites(small.config)
    there.load("cuda")
    indices = torch.arange(len(small))
    assert torch.equal(there.images(indices.cuda()).cpu(), small.images(indices))


@pytest.mark.slow
def test_the_full_grid_has_the_images_of_its_parts(corners):
    full = make()
    ids = np.array(list(np.ndindex(3, 6, 40, 2, 2))) * (1, 1, 1, 31, 31)
    images = full.images(torch.from_numpy(full.factors.indices(ids)))
    assert torch.equal(images.view(corners.shape), corners)
