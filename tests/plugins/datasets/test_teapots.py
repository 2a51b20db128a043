"""3D Teapots: the scenes, images at random values, and the grid."""

import math

import numpy as np
import pytest
import torch

from harness import ImageSpec, ModelEvaluation, Rng
from harness.config import parse
from harness.errors import UserError
from harness.model import build
from harness_datasets.teapots.grid import TeapotsGrid
from harness_datasets.teapots.images import in_gap
from harness_datasets.teapots.scene import AMBIENT, COLOUR, DIFFUSE, SCENES, centred_teapot, draw, shade
from harness_datasets.teapots.teapots import Teapots

CPU = torch.device("cpu")


def render(variant, *rows, size=64):
    """Images (N, 3, H, W) at rows of values."""
    values = torch.from_numpy(np.array(rows)).float()
    return shade(SCENES[variant], draw(SCENES[variant], centred_teapot(CPU), values, size), values)


def make(cls, **config):
    made = cls(parse(cls.Config, config, "dataset"))
    made.load()
    return made


def everything(dataset):
    return dataset.images(torch.arange(len(dataset)))


@pytest.fixture(scope="module")
def colors():
    """Azimuths 45, 135, 225 and 315 degrees, elevations 11.25 to 78.75, as (azimuth, elevation, r, g, b, C, H, W)."""
    images = everything(make(TeapotsGrid, levels=4, image_size=32))
    return images.view(4, 4, 4, 4, 4, 3, 32, 32)


class TestGrid:
    def test_values(self):
        dataset = TeapotsGrid(TeapotsGrid.Config())
        assert len(dataset) == 3_200_000
        assert str(dataset.image) == "3x64x64"
        assert tuple(dataset.factors.names) == ("azimuth", "elevation", "red", "green", "blue")
        values = dataset.factors.values
        assert values[0][[0, -1]] == pytest.approx([math.pi / 20, 2 * math.pi - math.pi / 20])
        assert values[1][[0, -1]] == pytest.approx([math.pi / 80, math.pi / 2 - math.pi / 80])
        assert values[4] == pytest.approx(np.arange(0.025, 1, 0.05))

    def test_images_are_those_of_the_scene(self):
        dataset = make(TeapotsGrid, levels=3, image_size=32)
        indices = np.random.default_rng(0).integers(len(dataset), size=20)
        expected = render("colors", *dataset.factors.real_values(indices), size=32)
        # Light and background are rounded to bytes, the light being up to 1.4.
        assert (dataset.images(torch.from_numpy(indices)) - expected).abs().max() < (1.4 + 1) / 2 / 255 + 1e-3

    def test_small_grid(self):
        assert len(TeapotsGrid(TeapotsGrid.Config(**TeapotsGrid.SMALL))) == 7776

    def test_memory(self):
        assert TeapotsGrid(TeapotsGrid.Config()).memory() == 400 * 2 * 3 * 64 * 64


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
        # At azimuth 0 it reaches further right than the handle left, seen a little from above.
        images = render("colors", (0.0, 0.2, 0, 0, 0), (math.pi / 2, 0.2, 0, 0, 0))
        coverage = images[:, 0] < 1
        columns = coverage.any(dim=1)
        # The spout's tip is high, the handle's reach low: above the middle only the spout is at the right end.
        right = coverage[0, :, columns[0].nonzero().max()].nonzero().float().mean()
        left = coverage[0, :, columns[0].nonzero().min()].nonzero().float().mean()
        assert right < left
        # To the rear it is hidden by the body, and the teapot is as narrow as that.
        assert columns[1].sum() < 0.7 * columns[0].sum()


class TestRotation:
    @pytest.fixture(scope="class")
    @classmethod
    def turned(cls):
        """(angle, polar, azimuth, C, H, W), angles 90 degrees apart."""
        angles, polars, azimuths = (np.arange(4) + 0.5) * math.pi / 2, (0.5, 1.2, 2.0, 2.7), (0.4, 1.9, 3.5, 5.1)
        rows = [(angle, polar, azimuth) for angle in angles for polar in polars for azimuth in azimuths]
        return render("rotation", *rows).view(4, 4, 4, 3, 64, 64)

    def test_nothing_touches_the_border(self, turned):
        border = torch.ones(64, 64, dtype=torch.bool)
        border[1:-1, 1:-1] = False
        assert (turned[..., border] == 1).all()
        # The largest teapot comes close to it.
        assert (turned[..., 4:-4, 4:-4] < 1).any()

    def test_the_angle_turns_the_image(self, turned):
        # The light stays, so that only outlines turn.
        outlines = (turned < 0.999).any(dim=3).float()
        for angle in range(1, 4):
            rotated = outlines[0].rot90(angle, dims=(-2, -1))
            assert (rotated - outlines[angle]).abs().mean() < 0.02
            assert (outlines[0] - outlines[angle]).abs().mean() > 0.04

    def test_light_changes_brightness_but_not_the_outline(self):
        lights = [(azimuth, elevation) for azimuth in (0.5, 2.5, 4.5) for elevation in (-0.9, 0.0, 0.9)]
        images = render("light", *((1.0, 1.3, 2.0, *light) for light in lights))
        outlines = (images < 0.999).any(dim=1)
        assert (outlines == outlines[0]).all()
        assert ((images[0] - images[1:]).abs().amax((1, 2, 3)) > 0.1).all()

    def test_colour(self):
        # Seen with the light behind, most of the teapot has its own colour times the ambient light.
        image = render("light", (1.0, 1.3, 2.0, math.pi, 0.0))[0]
        whole = image[:, image[2] < COLOUR[2] * (AMBIENT + 0.05)]
        assert whole.shape[1] > 100
        assert whole[0] / whole[2] == pytest.approx(torch.full((whole.shape[1],), COLOUR[0] / COLOUR[2]), rel=0.05)


SMALL = {"images": 60, "groups": 5, "image_size": 32}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A data root where the small set is drawn."""
    root = tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_DATA", str(root))
        make(Teapots, **SMALL)
    return root


class TestRandomImages:
    @pytest.fixture
    def dataset(self, drawn, monkeypatch):
        monkeypatch.setenv("HARNESS_DATA", str(drawn))
        return make(Teapots, **SMALL)

    def test_the_papers_numbers(self):
        dataset = Teapots(Teapots.Config())
        assert len(dataset) == 200_000
        assert dataset.memory() == 250_000 * 64 * 64 * 3
        assert dataset.fixed["group_index"].shape == (500, 100)
        assert (dataset.fixed["group_label"] == np.arange(500) % 5).all()
        assert Teapots(Teapots.Config(variant="rotation")).fixed["group_index"].shape == (300, 100)

    def test_values_fill_their_ranges_evenly(self):
        values = Teapots(Teapots.Config(groups=0)).factors.real_values(np.arange(200_000))
        assert values.min(axis=0) == pytest.approx(np.zeros(5), abs=1e-3)
        assert values.max(axis=0) == pytest.approx([2 * math.pi, math.pi / 2, 1, 1, 1], abs=1e-3)
        assert np.abs(np.corrcoef(values.T) - np.eye(5)).max() < 0.01
        assert values.std(axis=0) == pytest.approx(np.array([2 * math.pi, math.pi / 2, 1, 1, 1]) / 12**0.5, rel=0.01)

    def test_directions_are_uniform(self):
        config = Teapots.Config(variant="light", images=20_000, groups=0)
        _, polar, azimuth, light_azimuth, light_elevation = Teapots(config).factors.real_values(np.arange(20_000)).T
        for latitude, longitude in ((np.pi / 2 - polar, azimuth), (light_elevation, light_azimuth)):
            directions = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)
            # Each coordinate of a uniform direction is uniform in [-1, 1].
            for coordinate in directions:
                share = np.histogram(coordinate, 10, (-1, 1))[0] / 2000
                assert np.abs(share - 1).max() < 0.1

    def test_images(self, dataset):
        assert len(dataset) == 60
        images = everything(dataset)
        assert images.shape == (60, 3, 32, 32)
        assert len(images.flatten(1).unique(dim=0)) == 60
        assert torch.equal(dataset.images(torch.tensor([7, 3])), images[[7, 3]])

    def test_images_show_their_values(self, dataset):
        expected = render("colors", *dataset.factors.real_values(np.arange(60)), size=32)
        assert (everything(dataset) - expected).abs().max() < 0.5 / 255 + 1e-6

    def test_levels_are_20_intervals(self, dataset):
        factors = dataset.factors
        assert list(factors.sizes) == [20] * 5
        values, levels = factors.real_values(np.arange(60)), factors.ids(np.arange(60))
        width = np.ptp(values, axis=0) / 20
        middles = np.stack([middle[level] for middle, level in zip(factors.values, levels.T, strict=True)], axis=1)
        assert (np.abs(middles - values) <= width / 2 + 1e-9).all()

    def test_groups_share_one_value(self, dataset):
        groups, labels = dataset.fixed["group_index"], dataset.fixed["group_label"]
        assert groups.min() == 60
        assert groups.max() == 60 + 5 * 100 - 1
        assert labels.tolist() == [0, 1, 2, 3, 4]
        images = dataset.images(torch.from_numpy(groups.flatten())).unflatten(0, groups.shape)
        # The darkest pixel of most images is the colour in ambient light alone, so one that is shared occurs often.
        darkest = (images.amin((3, 4)) * 255).round().long()
        often = torch.tensor([[channel.bincount().max() for channel in group.T] for group in darkest])
        assert (often[2:] > 40).equal(torch.eye(3).bool())
        # The rows that the teapot covers vary least where the elevation is shared, the columns where the azimuth is.
        covered = (images < 0.99).any(2).float()
        assert covered.amax(-1).std(1).sum(-1).argmin() == 1
        assert covered.amax(-2).std(1).sum(-1).argmin() == 0

    def test_metrics_get_the_groups(self, dataset, registry):
        model_class = registry.find("models", "linear").load()
        model = build(model_class, model_class.Config(), ImageSpec(3, 32, 32), Rng(0))
        evaluation = ModelEvaluation(model, dataset)
        assert evaluation.codes(evaluation.fixed["group_index"]).shape == (5, 100, 3)
        assert evaluation.size == 60

    def test_are_drawn_once(self, dataset, drawn):
        (copy,) = drawn.glob("cache/teapots-*/images.npy")
        before = copy.stat().st_mtime_ns
        make(Teapots, **SMALL)
        assert copy.stat().st_mtime_ns == before

    def test_seeds_give_other_images(self, data):
        first, second = (make(Teapots, images=8, groups=0, image_size=16, seed=seed) for seed in (0, 1))
        assert not torch.equal(everything(first), everything(second))

    def test_the_gap(self, dataset, drawn):
        kept, only = (make(Teapots, **SMALL, gap=gap) for gap in ("remove", "only"))
        inside = in_gap(dataset.factors.real_values(np.arange(60)))
        assert 0 < len(only) == inside.sum()
        assert torch.equal(everything(only), everything(dataset)[inside])
        assert torch.equal(everything(kept), everything(dataset)[~inside])
        # The groups are the same, and nothing is drawn again.
        for other in (kept, only):
            assert other.fixed["group_index"].min() == len(other)
            left, right = (made.images(torch.from_numpy(made.fixed["group_index"][3])) for made in (other, dataset))
            assert torch.equal(left, right)
        assert len(list(drawn.glob("cache/teapots-*"))) == 1

    def test_gap_by_hand(self):
        high, low = math.pi / 4 + 0.01, math.pi / 4 - 0.01
        rows = [(0, high, 0.9, 0.7, 0.7), (0, low, 0.9, 0.7, 0.7), (0, high, 0.9, 0.76, 0.7), (0, high, 0.9, 0.7, 0.76)]
        assert in_gap(np.array(rows)).tolist() == [True, False, False, False]

    def test_the_share_in_the_gap(self):
        # Half of the elevations times the integral of (r - 0.15)^2 over r from 0.15 to 1.
        left = len(Teapots(Teapots.Config(gap="only"))) / 200_000
        assert left == pytest.approx(0.5 * 0.85**3 / 3, rel=0.02)

    def test_only_colours_have_a_gap(self):
        with pytest.raises(UserError, match=r"only the variant 'colors' has a gap, not 'light'"):
            parse(Teapots.Config, {"variant": "light", "gap": "remove"}, "dataset")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_nearly_the_same():
    here, there = make(TeapotsGrid, levels=3), TeapotsGrid(TeapotsGrid.Config(levels=3))
    there.load("cuda")
    indices = torch.arange(len(here))
    assert (there.images(indices.cuda()).cpu() - here.images(indices)).abs().mean() < 1e-4
