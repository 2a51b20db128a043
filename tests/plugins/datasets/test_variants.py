"""Coloured digits, sprites in colour and on backgrounds, and CdSprites."""

import pytest
import torch

from harness_datasets.color_digits import ColorDigits
from harness_datasets.digits import Digits
from harness_datasets.sprites.cdsprites import CdSprites
from harness_datasets.sprites.sprites import Sprites

FEW = {"image_size": 32, "scales": 2, "orientations": 3, "positions_x": 3, "positions_y": 3}


def sprites(**config):
    made = Sprites(Sprites.Config(**FEW, **config))
    made.load()
    return made.images(torch.arange(len(made)))


@pytest.fixture(scope="module")
def plain():
    return sprites().bool().expand(-1, 3, -1, -1)


class TestSprites:
    def test_colours_are_one_per_image_on_black(self, plain):
        images = sprites(variant="color")
        assert not images[~plain].any()
        colours = images.amax((2, 3))
        assert torch.equal(images, colours[:, :, None, None] * plain)
        assert colours.min() >= 0.5
        assert len(colours.unique(dim=0)) == len(images)

    def test_noise_surrounds_white_sprites(self, plain):
        images = sprites(variant="noisy")
        assert (images[plain] == 1).all()
        assert images[~plain].mean() == pytest.approx(0.5, abs=0.01)
        assert images[~plain].std() == pytest.approx(12**-0.5, abs=0.01)
        assert not torch.equal(images[0], images[1])

    def test_noise_of_two_images_is_unrelated(self, plain):
        # Where none of them has its sprite.
        noise = sprites(variant="noisy")[:60][:, ~plain[:60].any(dim=0)]
        correlation = torch.corrcoef(noise) - torch.eye(60)
        assert correlation.abs().max() < 5 / noise.shape[1] ** 0.5
        assert noise.shape[1] > 1000

    def test_the_painted_variant_inverts_the_background(self, plain):
        images = sprites(variant="painted")
        # Backgrounds are smooth: what is inverted back has no edge where the sprite was.
        whole = torch.where(plain, 1 - images, images)
        assert whole.diff(dim=-1).abs().max() < 0.2 < images.diff(dim=-1).abs().max()
        assert len(images.amin((2, 3)).unique(dim=0)) == len(images)

    @pytest.mark.parametrize("variant", ["color", "noisy", "painted"])
    def test_seeds_give_other_backgrounds(self, variant):
        first, second = (sprites(variant=variant, variant_seed=seed) for seed in (0, 1))
        assert not torch.equal(first, second)


def test_color_digits_keep_their_contract(assert_keeps_contract):
    assert_keeps_contract(ColorDigits(ColorDigits.Config()))


def test_color_digits_are_tinted_digits():
    grey, colored = Digits(Digits.Config()), ColorDigits(ColorDigits.Config())
    grey.load()
    colored.load()
    indices = torch.tensor([9, 2, 1796])
    images, originals = colored.images(indices), grey.images(indices)
    assert str(colored.image) == "3x32x32"
    colours = images.amax((2, 3)) / originals.amax((2, 3))
    assert (images - colours[:, :, None, None] * originals).abs().max() < 1e-6
    assert colours.min() >= 0.5
    assert colours.max() <= 1
    assert torch.equal(colored.labels(indices), grey.labels(indices))
    assert torch.equal(colored.images(indices[1:]), images[1:])


@pytest.fixture(scope="module")
def images():
    """CdSprites of exact discs, as (angle, radius, H, W)."""
    return cdsprites(disc="exact")


def cdsprites(**config):
    dataset = CdSprites(CdSprites.Config(**config))
    dataset.load()
    assert len(dataset) == 1080
    return dataset.images(torch.arange(1080)).view(40, 27, 64, 64)


class TestCdSprites:
    def test_discs_are_whole(self, images):
        areas = images.sum((-1, -2))
        assert areas.mean() == pytest.approx(torch.pi * 25, rel=0.01)
        assert (areas - torch.pi * 25).abs().max() < 6

    def test_centres(self, images):
        pixels = torch.arange(64) + 0.5
        x = (images.sum(-2) @ pixels) / images.sum((-1, -2))
        y = (images.sum(-1) @ pixels) / images.sum((-1, -2))
        angle = (torch.arange(40) * 2 * torch.pi / 40)[:, None]
        radius = torch.arange(27)
        assert (x - (32 + radius * angle.cos())).abs().max() < 0.3
        assert (y - (32 + radius * angle.sin())).abs().max() < 0.3

    def test_quarter_turns(self, images):
        for quarter in range(1, 4):
            assert torch.equal(images[10 * quarter], images[0].rot90(-quarter, dims=(-2, -1)))

    def test_no_distance_no_angle(self, images):
        assert (images[:, 0] == images[0, 0]).all()
        assert len(images[:, 1:].flatten(0, 1).flatten(1).unique(dim=0)) > 1000

    def test_the_authors_discs_are_those_of_their_call(self):
        drawn = cdsprites()
        # Box 27 to 37 with both ends: 11 rows of a disc, which is symmetric around pixel 32.
        middle = drawn[0, 0]
        assert middle[27:38, 27:38].sum() == middle.sum() == 97
        assert middle[32].sum() == middle[:, 32].sum() == 11
        assert torch.equal(middle[27:38, 27:38], middle[27:38, 27:38].rot90())
        areas = drawn.sum((-1, -2)).flatten()
        assert sorted(areas.unique().tolist()) == [97, 104]
        assert len(drawn.flatten(0, 1).flatten(1).unique(dim=0)) == 878

    def test_the_authors_discs_lie_where_the_truncated_box_does(self):
        # At angle 1 of 40 and distance 26: x = 57.68, y = 36.07, box 52 to 62 and 31 to 41.
        disc = cdsprites()[1, 26]
        assert disc.sum(0).nonzero().flatten().tolist() == list(range(52, 63))
        assert disc.sum(1).nonzero().flatten().tolist() == list(range(31, 42))
