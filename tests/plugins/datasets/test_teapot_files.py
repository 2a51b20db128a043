"""3D Teapots as their two groups of authors publish them, in files."""

import numpy as np
import pytest
import torch

from harness.config import parse
from harness.errors import UserError
from harness_datasets.teapots.images import in_gap
from harness_datasets.teapots.published import TeapotFiles


def make(cls, **config):
    made = cls(parse(cls.Config, config, "dataset"))
    made.load()
    return made


def everything(dataset):
    return dataset.images(torch.arange(len(dataset)))


class FewTeapots(TeapotFiles):
    COUNT = 50


class TestPublished:
    """Both authors' files, with fewer images; that they are read is tested with the other datasets."""

    METRIC = "teapots/metric_data/data.npz"
    PATHS = {"ew": "teapots/teapots.npz", "cr": "teapots/train_data/data.npz"}  # noqa: RUF012 - read only

    @pytest.fixture(params=["ew", "cr"])
    def edition(self, request):
        return request.param

    @pytest.fixture
    def write(self, published, data):
        """write(edition, path, **arrays): the edition's files, arrays of one of them replaced or (None) left out."""

        def written(edition, path=None, **changed):
            published(f"teapots-published-{edition}")
            path = data / (path or self.PATHS[edition])
            with np.load(path) as before:
                arrays = {**before, **changed}
            np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
            return path

        return written

    def load(self, edition, **config):
        editions = {"ew": "eastwood-williams", "cr": "infogan-cr"}
        return make(FewTeapots, edition=editions[edition], **config)

    def test_values_are_the_files(self, edition, write):
        path = write(edition)
        with np.load(path) as arrays:
            values = arrays["gts" if edition == "ew" else "latents"]
        factors = self.load(edition).factors
        assert np.array_equal(factors.real_values(np.arange(50)), values)
        levels = factors.ids(np.arange(50))
        assert levels.min(axis=0).tolist() == [0] * 5
        assert levels.max(axis=0).tolist() == [19] * 5

    def test_parts(self, write):
        write("ew")
        whole = self.load("ew")
        for part, rows in {"train": slice(0, 40), "validation": slice(40, 45), "test": slice(45, 50)}.items():
            dataset = self.load("ew", split=part)
            assert torch.equal(everything(dataset), everything(whole)[rows])
            assert len(FewTeapots(FewTeapots.Config(split=part))) == len(dataset)

    def test_the_gap_of_a_part(self, write):
        write("ew")
        whole = self.load("ew")
        inside = in_gap(whole.factors.real_values(np.arange(50)))[:40]
        assert inside.any()
        assert torch.equal(everything(self.load("ew", split="train", gap="remove")), everything(whole)[:40][~inside])
        assert torch.equal(everything(self.load("ew", split="train", gap="only")), everything(whole)[:40][inside])

    def test_nothing_left(self, write):
        write("ew", gts=np.zeros((50, 5)))
        with pytest.raises(UserError, match=r"dataset\.gap: of 50 images 'only' leaves none"):
            self.load("ew", gap="only")

    def test_metric_groups(self, write, data):
        write("cr")
        dataset = self.load("cr")
        assert dataset.fixed["group_index"].tolist() == (50 + np.arange(40).reshape(10, 4)).tolist()
        assert dataset.fixed["group_label"].tolist() == [0, 1, 2, 3, 4] * 2
        with np.load(data / self.METRIC) as arrays:
            expected = torch.from_numpy(arrays["imgs"][7]).permute(0, 3, 1, 2).float()
        found = dataset.images(torch.from_numpy(dataset.fixed["group_index"][7]))
        assert torch.allclose(found, expected, atol=1e-6)

    def test_without_metric_groups(self, write, data):
        write("cr")
        (data / self.METRIC).unlink()
        dataset = self.load("cr")
        assert dict(dataset.fixed) == {}
        assert dataset.memory() == 50 * 64 * 64 * 3

    def test_bright_pixels_are_cut_off(self, write):
        write("cr", imgs=np.full((50, 64, 64, 3), 1.3, np.float32))
        assert (self.load("cr").images(torch.tensor([0])) == 1).all()

    def test_other_factors(self, write):
        write("cr")
        assert self.load("cr", variant="light").factors.names[-1] == "light_elevation"

    def test_three_factors(self, write, data):
        write("cr", latents=np.random.default_rng(0).uniform(0, 3, (50, 3)))
        (data / self.METRIC).unlink()
        assert tuple(self.load("cr", variant="rotation").factors.names) == ("angle", "polar", "azimuth")

    def test_number_of_images_is_known_before_loading(self):
        assert len(TeapotFiles(TeapotFiles.Config())) == 200_000
        assert len(TeapotFiles(TeapotFiles.Config(split="validation"))) == 20_000

    def test_missing(self, edition, data):
        with pytest.raises(UserError, match=r"\.npz: there is no such file.*github.*'teapots', which needs no files"):
            self.load(edition)

    @pytest.mark.parametrize("part", ["ew", "cr", "metric"])
    def test_web_page(self, part, write, data, html):
        edition = "ew" if part == "ew" else "cr"
        write(edition)
        path = data / (self.METRIC if part == "metric" else self.PATHS[edition])
        path.write_bytes(html)
        with pytest.raises(UserError, match="web page") as caught:
            self.load(edition)
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize("part", ["ew", "cr", "metric"])
    def test_truncated(self, part, write, data):
        edition = "ew" if part == "ew" else "cr"
        write(edition)
        path = data / (self.METRIC if part == "metric" else self.PATHS[edition])
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(UserError, match="expected") as caught:
            self.load(edition)
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"gts": np.zeros((50, 4))}, "50 x 4, expected float32 or float64 50 x 5"),
            ({"gts": None}, "has no array 'gts', only: images"),
            ({"images": np.zeros((50, 64, 64), np.int32)}, "50 x 64 x 64, expected int32 or uint8 50 x 64 x 64 x 3"),
            ({"images": np.full((50, 64, 64, 3), 300, np.int32)}, "values 300 to 300, expected 0 to 255"),
        ],
    )
    def test_wrong_arrays(self, changed, message, write):
        write("ew", **changed)
        with pytest.raises(UserError, match=message):
            self.load("ew")

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"imgs": np.zeros((10, 4, 32, 32, 3))}, "10 x 4 x 32 x 32 x 3, expected float32 or float64 N x N x 64"),
            ({"labels": np.zeros(9, np.int32)}, "'labels' is int32 9, expected int32 or int64 10"),
            ({"labels": np.full(10, 5)}, "values 5 to 5, expected 0 to 4"),
            ({"labels": None}, "has no array 'labels'"),
        ],
    )
    def test_wrong_groups(self, changed, message, write):
        path = write("cr", self.METRIC, **changed)
        with pytest.raises(UserError, match=message) as caught:
            self.load("cr")
        assert str(path) in str(caught.value)

    def test_the_other_edition_has_other_variants(self):
        with pytest.raises(UserError, match="eastwood-williams has the variant 'colors', not 'light'"):
            parse(TeapotFiles.Config, {"variant": "light"}, "dataset")
