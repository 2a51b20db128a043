"""What is particular to single published datasets: true sizes, values, resolutions, and what counts as a factor."""

import hashlib
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.config import parse
from harness.data.factor_table import FactorTable
from harness.errors import NotApplicableError, UserError
from harness_datasets.cars3d import Cars3D
from harness_datasets.dsprites import DSprites
from harness_datasets.falcor3d import Falcor3D
from harness_datasets.isaac3d import Isaac3D
from harness_datasets.mpi3d import MPI3D
from harness_datasets.shapes3d import Shapes3D
from harness_datasets.smallnorb import SmallNORB
from harness_datasets.sprites.sprites import Sprites


@pytest.mark.parametrize(
    ("cls", "config", "count", "image"),
    [
        (DSprites, {}, 737_280, "1x64x64"),
        (Shapes3D, {}, 480_000, "3x64x64"),
        (MPI3D, {}, 1_036_800, "3x64x64"),
        (MPI3D, {"variant": "real", "edition": "4x4"}, 460_800, "3x64x64"),
        (SmallNORB, {}, 48_600, "1x64x64"),
        (SmallNORB, {"image_size": 96, "instance": True}, 48_600, "1x96x96"),
        (Cars3D, {}, 17_568, "3x64x64"),
        (Falcor3D, {}, 233_280, "3x64x64"),
        (Isaac3D, {"image_size": 128}, 737_280, "3x128x128"),
    ],
)
def test_sizes(cls, config, count, image):
    dataset = cls(parse(cls.Config, config, "dataset"))
    assert len(dataset) == count
    assert str(dataset.image) == image


def test_dsprites_has_the_grid_of_sprites():
    published, drawn = DSprites(DSprites.Config()).factors, Sprites(Sprites.Config()).factors
    assert published.names == drawn.names
    for left, right in zip(published.values, drawn.values, strict=True):
        assert np.array_equal(left, right)


def test_shapes3d_has_the_published_values():
    values = Shapes3D(Shapes3D.Config()).factors.values
    assert values[0] == pytest.approx(np.arange(10) / 10)
    assert values[3][[0, -1]].tolist() == [0.75, 1.25]
    assert values[5][[0, 1, -1]] == pytest.approx([-30, -30 + 60 / 14, 30])


def test_dsprites_prefers_the_npz(published, data):
    published("dsprites-npz")
    dataset, _ = _also_hdf5(published, data)
    dataset.load()
    copy = next(data.glob("cache/dsprites-*"))
    assert len(list(data.glob("cache/*/*.npy"))) == 1
    dataset.NPZ.place.unlink()
    dataset.load()
    assert len(list(data.glob("cache/*/*.npy"))) == 2
    assert copy.exists()


def _also_hdf5(published, data):
    (data / "dsprites").rename(data / "kept")
    made = published("dsprites-hdf5")
    for path in (data / "kept").iterdir():
        path.rename(data / "dsprites" / path.name)
    return made


@pytest.mark.parametrize("variant", ["toy", "realistic", "real"])
def test_mpi3d_files(variant):
    file = MPI3D(MPI3D.Config(variant=variant)).file
    assert file.path == f"mpi3d/mpi3d_{variant}.npz"
    assert file.checksum.startswith("md5:")


def test_mpi3d_editions(published, data):
    dataset, _ = published("mpi3d", edition="4x4")
    with pytest.raises(UserError, match=r"216 images, expected 96 for edition '4x4'; set dataset\.edition = '6x6'"):
        dataset.load()
    images = np.random.default_rng(0).integers(0, 256, (96, 64, 64, 3), dtype=np.uint8)
    np.savez_compressed(data / "mpi3d/mpi3d_toy.npz", images=images)
    dataset.load()
    last = (dataset.images(torch.tensor([95]))[0] * 255).round().byte()
    assert torch.equal(last.permute(1, 2, 0), torch.from_numpy(images[95]))


def test_mpi3d_complex_has_one_edition(data):
    dataset = MPI3D(MPI3D.Config(variant="complex"))
    assert dataset.factors.sizes == (4, 4, 2, 3, 3, 40, 40)
    with pytest.raises(UserError, match=r"mpi3d/mpi3d_real_complex\.npz: there is no such file"):
        dataset.load()
    with pytest.raises(UserError, match="'complex' has the edition '4x4' only"):
        parse(MPI3D.Config, {"variant": "complex", "edition": "6x6"}, "dataset")


@pytest.fixture
def cars_archive(published, data, tmp_path):
    """Two cars in an archive like the published one, elsewhere; gives the dataset, its images and the archive."""
    dataset, expected = published("cars3d")
    archive = tmp_path / "published.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        for name in ("shapes48.mat", "cars/list.txt"):
            content.addfile(tarfile.TarInfo(f"data/{name}"))
        content.add(data / "cars3d/cars", "data/cars")
    shutil.rmtree(data / "cars3d/cars")
    return dataset, expected, archive


def test_cars_are_unpacked_from_their_archive_once(cars_archive, data):
    dataset, expected, archive = cars_archive
    (data / "cars3d/cars.partial").mkdir()
    (data / "cars3d/cars.partial/car_001_mesh.mat").write_bytes(b"of a killed process")
    shutil.move(archive, dataset.ARCHIVE.place)
    dataset.load()
    assert torch.equal(dataset.stored.rows(torch.arange(len(dataset))), torch.from_numpy(expected))
    assert sorted(path.name for path in (data / "cars3d").iterdir() if path.is_dir()) == ["cars"]
    dataset.ARCHIVE.place.unlink()
    dataset.load()


def test_the_archive_of_cars_is_fetched_where_that_is_allowed(cars_archive, monkeypatch):
    dataset, _, archive = cars_archive
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(
        type(dataset), "ARCHIVE", replace(dataset.ARCHIVE, url=archive.as_uri(), checksum=f"md5:{md5}", mirrors=())
    )
    with pytest.raises(UserError, match=r"cars3d/cars: there is no such file or folder\. .* run again with --download"):
        dataset.data_files()
    monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
    assert [path.name for path in dataset.data_files()] == ["car_001_mesh.mat", "car_002_mesh.mat"]


def test_an_archive_that_is_broken_leaves_no_folder(cars_archive, data):
    dataset, _, archive = cars_archive
    whole = archive.read_bytes()
    for content in (whole[: len(whole) // 2], b"<html>", b""):
        dataset.ARCHIVE.place.write_bytes(content)
        with pytest.raises(UserError, match=r"analogy-data\.tar\.gz: expected a tar or zip archive of"):
            dataset.load()
        assert not list((data / "cars3d").glob("cars*"))


def test_numbers_are_the_published_strides():
    """As their authors' page gives them, each factor's stride being the product of the sizes behind it."""
    falcor, isaac = Falcor3D(Falcor3D.Config()).factors, Isaac3D(Isaac3D.Config()).factors
    assert falcor.indices(np.eye(7, dtype=int)).tolist() == [46656, 7776, 1296, 216, 36, 6, 1]
    assert isaac.indices(np.eye(9, dtype=int)).tolist() == [245760, 30720, 6144, 1536, 384, 96, 16, 4, 1]
    assert falcor.values[0].tolist() == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("name", ["falcor3d", "isaac3d"])
def test_a_folder_of_numbered_pictures_has_all_of_them_and_no_others(published, name):
    dataset, _ = published(name)
    folder = dataset.folder.place
    (folder / "000007.png").rename(folder / "7.png")
    with pytest.raises(UserError, match=r"images: lacks 1 of \d+ pictures, 000007\.png the first of them"):
        dataset.data_files()
    (folder / "7.png").rename(folder / "000007.png")
    (folder / "000999.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"pictures, 000999\.png among them; expected 000000\.png to"):
        dataset.load()


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_numbered_pictures_are_unpacked_from_their_archive_and_fetched_on_trust_alone(
    kind, published, tmp_path, monkeypatch
):
    dataset, _ = published("falcor3d")
    folder = dataset.folder.place
    (folder / "._000000.png").write_bytes(b"what a Mac adds")
    archive = Path(shutil.make_archive(str(tmp_path / "published"), kind, folder.parent.parent, folder.parent.name))
    shutil.rmtree(folder)
    fetched = replace(dataset.archive_of(128), url=archive.as_uri())
    monkeypatch.setattr(type(dataset), "archive_of", staticmethod(lambda original: fetched))
    with pytest.raises(UserError, match=r"put the archive at .*down128\.archive, or run again with --download --trust"):
        dataset.data_files()
    monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
    with pytest.raises(UserError, match=r"down128\.archive: no checksum of it is known"):
        dataset.data_files()
    monkeypatch.setenv("HARNESS_TRUST", "1")
    assert len(dataset.data_files()) == len(dataset)
    assert not (folder / "._000000.png").exists()


@pytest.mark.parametrize("name", ["smallnorb", "cars3d"])
def test_resizing_keeps_the_picture(name, published):
    size = 48 if name == "smallnorb" else 64
    dataset, expected = published(name, image_size=size)
    dataset.load()
    images = dataset.images(torch.arange(len(dataset)))
    assert images.shape[-2:] == (size, size)
    means = torch.from_numpy(expected).float().mean((1, 2, 3)) / 255
    assert (images.mean((1, 2, 3)) - means).abs().max() < 0.01


class TestWithoutInstance:
    """SmallNORB as the literature has it: the instance is not a factor."""

    @pytest.fixture
    def factors(self, published):
        return published("smallnorb", instance=False)[0].factors

    def test_factors(self, factors):
        assert tuple(factors.names) == ("category", "elevation", "azimuth", "lighting")
        assert list(factors.sizes) == [2, 3, 2, 2]
        assert len(factors) == 96

    def test_levels_are_those_of_the_grid(self, factors):
        ids = factors.ids(np.arange(96))
        assert len(np.unique(ids, axis=0)) == 24
        assert factors.real_values([95]).tolist() == [[1, 40, 20, 1]]

    def test_levels_lead_to_an_image_that_has_them(self, factors):
        ids = factors.ids(np.arange(96))
        assert (factors.ids(factors.indices(ids)) == ids).all()
        assert (factors.indices(ids) == factors.indices(ids)).all()

    def test_levels_lead_to_all_instances(self, factors):
        same = np.broadcast_to(factors.ids(0), (200, 4))
        assert len(np.unique(factors.indices(same))) == 4
        # The two sides of pairs show toys that have nothing to do with each other.
        second = same.copy()
        second[0] = factors.ids(95)
        assert (factors.indices(same) == factors.indices(second)).mean() < 0.5

    def test_groups_cover_all_instances(self, factors):
        groups = factors.sample_groups(np.zeros(200, np.int64), 10, np.random.default_rng(0))
        assert len(np.unique(groups)) == 96
        assert factors.sample_ids((5, 7), np.random.default_rng(0)).shape == (5, 7, 4)

    def test_groups_share_one_factor(self, factors):
        labels = np.arange(4)
        groups = factors.sample_groups(labels, 200, np.random.default_rng(0))
        ids = factors.ids(groups)
        assert groups.shape == (4, 200)
        for label, group in enumerate(ids):
            assert [len(np.unique(column)) for column in group.T] == [
                1 if factor == label else size for factor, size in enumerate(factors.sizes)
            ]

    def test_missing_combinations_are_explained(self):
        table = FactorTable(["a", "b"], [2, 2], [[0, 1], [0, 1]], [False, False], np.array([[0, 0], [1, 1]]))
        assert table.indices([1, 1]) == 1
        with pytest.raises(NotApplicableError):
            table.indices([0, 1])
