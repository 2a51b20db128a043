"""3D Teapots, drawn and as published."""

import math

import numpy as np
import pytest
import torch

from harness.config import parse
from harness.errors import UserError
from harness_datasets.teapot_files import TeapotFiles
from harness_datasets.teapot_scene import AMBIENT, COLOUR, DIFFUSE, SCENES, centred_teapot, draw
from harness_datasets.teapots import Teapots


def make(**config):
    made = Teapots(parse(Teapots.Config, config, "dataset"))
    made.load()
    return made


def everything(dataset):
    return dataset.images(torch.arange(len(dataset)))


@pytest.fixture(scope="module")
def colors():
    """Azimuths 45, 135, 225 and 315 degrees, elevations 11.25 to 78.75, as (azimuth, elevation, r, g, b, C, H, W)."""
    images = everything(make(levels=4, image_size=32))
    return images.view(4, 4, 4, 4, 4, 3, 32, 32)


class TestFactors:
    def test_default_grid(self):
        dataset = Teapots(Teapots.Config())
        assert len(dataset) == 3_200_000
        assert str(dataset.image) == "3x64x64"
        values = dataset.factors.values
        assert values[0][[0, -1]] == pytest.approx([math.pi / 20, 2 * math.pi - math.pi / 20])
        assert values[1][[0, -1]] == pytest.approx([math.pi / 80, math.pi / 2 - math.pi / 80])
        assert values[4] == pytest.approx(np.arange(0.025, 1, 0.05))

    def test_directions_are_uniform(self):
        values = Teapots(Teapots.Config(variant="light")).factors.values
        # Equal slices of a sphere along its axis have equal areas.
        assert np.cos(values[1]) == pytest.approx(-np.arange(-0.95, 1, 0.1))
        assert np.sin(values[4]) == pytest.approx(np.arange(-0.95, 1, 0.1))

    def test_small_grid(self):
        assert len(Teapots(Teapots.Config(**Teapots.SMALL))) == 7776


class TestColors:
    def test_background_is_white(self, colors):
        assert (colors[..., 0, :] == 1).all()
        assert (colors[..., 0] == 1).all()

    def test_every_image_differs(self, colors):
        assert len(colors.flatten(0, 4).flatten(1).unique(dim=0)) == 1024

    def test_colours(self, colors):
        # Wherever the teapot covers a pixel whole, channels are in proportion to the colour, unless cut off.
        image = colors[0, 0, 0, 1, 2]
        darkest = image[:, 16, 16]
        assert darkest / darkest[0] == pytest.approx(torch.tensor([1, 3, 5]), rel=1e-3)

    def test_the_same_colour_level_gives_the_same_channel(self, colors):
        assert torch.equal(colors[:, :, 1, 2, 1, 0], colors[:, :, 3, 1, 1, 2])

    def test_brightness_is_in_range(self, colors):
        dark = colors[:, :, 0, 0, 0, 0]
        assert dark.min() >= 0.125 * AMBIENT - 1e-3
        covered = dark < 0.125 * (AMBIENT + DIFFUSE) + 1e-3
        assert covered.flatten(2).float().mean(-1).min() > 0.08
        assert (colors[:, :, 3, 3, 3].amin((2, 3, 4)) < 1).all()

    def test_seen_from_above_the_light_comes_from_the_camera(self, colors):
        low, high = colors[:, 0, 0, 0, 0, 0, 16, 16], colors[:, 3, 0, 0, 0, 0, 16, 16]
        assert (high > low + 0.02).all()

    def test_mirrored_azimuths_give_mirrored_images(self, colors):
        # The teapot is symmetric, so azimuths 45 and 135 degrees, spout to the rear, mirror each other. The places
        # where pixels are looked at do not.
        for left, right in ((0, 1), (2, 3)):
            difference = (colors[left] - colors[right].flip(-1)).abs()
            assert difference.mean() < 0.01
        assert (colors[0] - colors[1]).abs().mean() > 0.03

    def test_the_spout_turns_from_right_to_rear(self):
        # At azimuth 45 degrees it reaches further right than the handle left, seen a little from above.
        scene = SCENES["colors"]
        values = torch.tensor([[0.0, 0.2, 0, 0, 0], [math.pi / 2, 0.2, 0, 0, 0]])
        coverage = draw(scene, centred_teapot(torch.device("cpu")), values, 64)[:, 3] > 0
        columns = coverage.any(dim=1)
        # The spout's tip is high, the handle's reach low: above the middle only the spout is at the right end.
        right = coverage[0, :, columns[0].nonzero().max()].nonzero().float().mean()
        left = coverage[0, :, columns[0].nonzero().min()].nonzero().float().mean()
        assert right < left
        # To the rear it is hidden by the body, and the teapot is as narrow as that.
        assert columns[1].sum() < 0.7 * columns[0].sum()


class TestRotation:
    def test_nothing_touches_the_border(self):
        images = everything(make(variant="rotation", levels=5))
        border = torch.ones(64, 64, dtype=torch.bool)
        border[1:-1, 1:-1] = False
        assert (images[..., border] == 1).all()
        # The largest teapot comes close to it.
        assert (images[..., 4:-4, 4:-4] < 1).any()

    def test_the_angle_turns_the_image(self):
        # Four angles 90 degrees apart; the light stays, so that only outlines turn.
        images = everything(make(variant="rotation", levels=4)).view(4, 4, 4, 3, 64, 64)
        outlines = (images < 0.999).any(dim=3).float()
        for angle in range(1, 4):
            turned = outlines[0].rot90(angle, dims=(-2, -1))
            assert (turned - outlines[angle]).abs().mean() < 0.02
            assert (outlines[0] - outlines[angle]).abs().mean() > 0.04

    def test_light_changes_brightness_but_not_the_outline(self):
        images = everything(make(variant="light", levels=3, image_size=32)).view(27, 9, 3, 32, 32)
        outlines = images < 0.999
        assert torch.equal(outlines.any(dim=2)[:, 0], outlines.any(dim=2)[:, 8])
        assert ((images[:, 0] - images[:, 8]).abs().amax((1, 2, 3)) > 0.1).all()

    def test_colour(self):
        image = everything(make(variant="light", levels=3, image_size=32))[0]
        whole = image[:, image[2] < COLOUR[2] * (AMBIENT + 0.05)]
        assert whole.shape[1] > 10
        assert whole[0] / whole[2] == pytest.approx(torch.full((whole.shape[1],), COLOUR[0] / COLOUR[2]), rel=0.05)


class TestRandomImages:
    @pytest.fixture
    def dataset(self):
        return make(random_images=60, levels=3, image_size=32)

    def test_images(self, dataset):
        assert len(dataset) == 60
        images = everything(dataset)
        assert images.shape == (60, 3, 32, 32)
        assert len(images.flatten(1).unique(dim=0)) == 60
        assert torch.equal(dataset.images(torch.tensor([7, 3])), images[[7, 3]])

    def test_are_drawn_once(self, dataset, data):
        drawn = list(data.glob("cache/teapots-*/images.npy"))
        assert len(drawn) == 1
        before = drawn[0].stat().st_mtime_ns
        make(random_images=60, levels=3, image_size=32)
        assert drawn[0].stat().st_mtime_ns == before

    def test_seeds_give_other_images(self, dataset):
        other = make(random_images=60, levels=3, image_size=32, seed=1)
        assert not torch.equal(everything(dataset), everything(other))

    def test_levels_are_those_of_the_images(self, dataset):
        # The colour of the brightest part tells the level of red.
        images = everything(dataset)
        dark = images.amin((2, 3))[:, 0]
        levels = dataset.factors.ids(np.arange(60))
        assert levels.shape == (60, 5)
        means = [dark[levels[:, 2] == level].mean() for level in range(3)]
        assert means[0] < means[1] < means[2]

    def test_groups_share_a_level(self, dataset):
        groups = dataset.factors.sample_groups(np.arange(5), 20, np.random.default_rng(0))
        ids = dataset.factors.ids(groups)
        for factor in range(5):
            assert len(np.unique(ids[factor, :, factor])) == 1


class FewTeapots(TeapotFiles):
    COUNT = 50


class TestPublished:
    """Both authors' files, with fewer images."""

    @pytest.fixture(params=["eastwood-williams", "infogan-cr"])
    def edition(self, request):
        return request.param

    def write(self, folder, edition, **changed):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (50, 64, 64, 3), dtype=np.uint8)
        values = rng.uniform(0, [2 * np.pi, np.pi / 2, 1, 1, 1], (50, 5))
        if edition == "eastwood-williams":
            path = folder / "teapots/teapots.npz"
            arrays = {"images": images.astype(np.int32), "gts": values}
        else:
            path = folder / "teapots/train_data/data.npz"
            arrays = {"imgs": images.astype(np.float32) / 255, "latents": values}
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{**arrays, **changed})
        return path, images, values

    def load(self, edition, **config):
        made = FewTeapots(FewTeapots.Config(edition=edition, **config))
        made.load()
        return made

    def test_images(self, edition, data):
        _, images, _ = self.write(data, edition)
        dataset = self.load(edition)
        found = dataset.images(torch.arange(50))
        assert torch.equal((found * 255).round().byte().permute(0, 2, 3, 1), torch.from_numpy(images))

    def test_levels_are_intervals(self, edition, data):
        _, _, values = self.write(data, edition)
        factors = self.load(edition).factors
        assert tuple(factors.names) == ("azimuth", "elevation", "red", "green", "blue")
        assert list(factors.sizes) == [20] * 5
        levels = factors.ids(np.arange(50))
        assert levels.min(axis=0).tolist() == [0] * 5
        assert levels.max(axis=0).tolist() == [19] * 5
        width = np.ptp(values, axis=0) / 20
        assert (abs(factors.real_values(np.arange(50)) - values) <= width / 2 + 1e-9).all()

    def test_bright_pixels_are_cut_off(self, data):
        self.write(data, "infogan-cr", imgs=np.full((50, 64, 64, 3), 1.3, np.float32))
        assert (self.load("infogan-cr").images(torch.tensor([0])) == 1).all()

    def test_other_factors(self, data):
        self.write(data, "infogan-cr")
        assert self.load("infogan-cr", variant="light").factors.names[-1] == "light_elevation"

    def test_number_of_images_is_known_before_loading(self):
        assert len(TeapotFiles(TeapotFiles.Config())) == 200_000

    def test_missing(self, edition, data):
        with pytest.raises(UserError, match=r"\.npz: there is no such file.*github.*'teapots', which needs no files"):
            self.load(edition)

    def test_web_page(self, edition, data, html):
        path, _, _ = self.write(data, edition)
        path.write_bytes(html)
        with pytest.raises(UserError, match="web page"):
            self.load(edition)

    def test_truncated(self, edition, data):
        path, _, _ = self.write(data, edition)
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(UserError, match=r"data\.npz|teapots\.npz"):
            self.load(edition)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"gts": np.zeros((50, 4))}, "50 x 4, expected float32 or float64 50 x 5"),
            ({"images": np.zeros((50, 64, 64), np.int32)}, "50 x 64 x 64, expected int32 or uint8 50 x 64 x 64 x 3"),
            ({"images": np.full((50, 64, 64, 3), 300, np.int32)}, "values 300 to 300, expected 0 to 255"),
        ],
    )
    def test_wrong_arrays(self, changed, message, data):
        self.write(data, "eastwood-williams", **changed)
        with pytest.raises(UserError, match=message):
            self.load("eastwood-williams")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_nearly_the_same():
    here, there = make(levels=3), Teapots(Teapots.Config(levels=3))
    there.load("cuda")
    indices = torch.arange(len(here))
    assert (there.images(indices.cuda()).cpu() - here.images(indices)).abs().mean() < 1e-4
