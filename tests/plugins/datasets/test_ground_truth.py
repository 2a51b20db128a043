"""What all ground-truth datasets share: the order of their factors, their images, and groups that share a factor."""

import numpy as np
import pytest
import torch

from harness.data.factor_table import FactorTable
from harness.pictures.datasets import dataset_picture
from harness_datasets.falcor3d import Falcor3D
from harness_datasets.isaac3d import Isaac3D
from harness_datasets.sprites.cdsprites import CdSprites
from harness_datasets.sprites.sprites import Sprites
from harness_datasets.teapots.grid import TeapotsGrid
from harness_datasets.teapots.teapots import Teapots

FEW = {"image_size": 16, "scales": 2, "orientations": 3, "positions_x": 3, "positions_y": 2}
FEW_TEAPOTS = {"image_size": 16, "images": 40, "groups": 2}

DRAWN = {
    "sprites": (Sprites, FEW),
    "sprites-color": (Sprites, {**FEW, "variant": "color"}),
    "sprites-noisy": (Sprites, {**FEW, "variant": "noisy"}),
    "sprites-painted": (Sprites, {**FEW, "variant": "painted"}),
    "cdsprites": (CdSprites, {}),
    "teapots-colors": (Teapots, FEW_TEAPOTS),
    "teapots-rotation": (Teapots, {**FEW_TEAPOTS, "variant": "rotation"}),
    "teapots-light": (Teapots, {**FEW_TEAPOTS, "variant": "light"}),
    "teapots-grid": (TeapotsGrid, {"image_size": 16, "levels": 3}),
}
FILES = (
    *("dsprites-npz", "dsprites-hdf5", "shapes3d", "mpi3d", "smallnorb", "cars3d"),
    *("falcor3d", "isaac3d"),
    *("teapots-published-ew", "teapots-published-cr"),
)
COLORS = ("azimuth", "elevation", "red", "green", "blue")
NAMES = {
    "sprites": ("shape", "scale", "orientation", "position_x", "position_y"),
    "dsprites": ("shape", "scale", "orientation", "position_x", "position_y"),
    "cdsprites": ("angle", "radius"),
    "shapes3d": ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
    "mpi3d": (
        *("object_color", "object_shape", "object_size", "camera_height", "background_color"),
        *("horizontal_axis", "vertical_axis"),
    ),
    "smallnorb": ("category", "instance", "elevation", "azimuth", "lighting"),
    "cars3d": ("elevation", "azimuth", "object"),
    "falcor3d": Falcor3D.FACTORS,
    "isaac3d": Isaac3D.FACTORS,
    "teapots": COLORS,
    "teapots-rotation": ("angle", "polar", "azimuth"),
    "teapots-light": ("angle", "polar", "azimuth", "light_azimuth", "light_elevation"),
}


@pytest.fixture(params=[*DRAWN, *FILES])
def name(request):
    return request.param


@pytest.fixture
def dataset(name, request):
    if name in DRAWN:
        cls, config = DRAWN[name]
        made = cls(cls.Config(**config))
    else:
        made, _ = request.getfixturevalue("published")(name)
    made.load()
    return made


def test_factors(name, dataset):
    factors = dataset.factors
    assert tuple(factors.names) == (NAMES.get(name) or NAMES[name.split("-")[0]])
    assert len(factors.names) == len(factors.sizes) == len(factors.categorical) == len(factors.values)
    assert [len(levels) for levels in factors.values] == list(factors.sizes)
    assert len(dataset) == len(factors)
    if isinstance(factors, FactorTable):
        return
    assert len(factors) == np.prod(factors.sizes)
    # The last factor varies fastest.
    assert factors.ids(0).tolist() == [0] * len(factors.sizes)
    assert factors.ids(1).tolist() == [0] * (len(factors.sizes) - 1) + [1]


def test_levels_and_indices_are_inverse(dataset):
    everything = np.arange(len(dataset))
    ids = dataset.factors.ids(everything)
    assert (ids >= 0).all()
    assert (ids < dataset.factors.sizes).all()
    again = dataset.factors.indices(ids)
    assert (dataset.factors.ids(again) == ids).all()
    if not isinstance(dataset.factors, FactorTable):
        assert (again == everything).all()


def test_the_contract_is_kept(dataset, assert_keeps_contract):
    assert_keeps_contract(dataset)


def test_a_picture_has_a_row_for_each_factor(name, dataset):
    one_row, width = dataset.image.height, 10 * dataset.image.width
    picture = dataset_picture(dataset, name)
    assert picture.height > len(dataset.factors.names) * one_row
    assert picture.width > width


def test_images_show_something(dataset):
    images = dataset.images(torch.tensor([0, len(dataset) - 1]))
    assert images.max() > images.min()


def test_images_are_as_training_wants_them(dataset):
    assert dataset.images(torch.tensor([1, 0])).is_contiguous(memory_format=torch.channels_last)


def test_images_do_not_depend_on_how_they_are_computed(dataset):
    # Large enough to be computed by several threads, or in vectors with a remainder.
    many = torch.arange(199) % len(dataset)
    assert torch.equal(dataset.images(many)[::7], dataset.images(many[::7]))


def test_images_belong_to_whoever_asked(dataset):
    first = dataset.images(torch.tensor([0, 1]))
    kept = first.clone()
    dataset.images(torch.tensor([5, 6])).zero_()
    assert torch.equal(first, kept)
    first.zero_()
    assert torch.equal(dataset.images(torch.tensor([0, 1])), kept)


def test_groups_share_their_factor(dataset):
    factors = dataset.factors
    labels = np.arange(20) % len(factors.sizes)
    ids = factors.ids(factors.sample_groups(labels, 30, np.random.default_rng(0)))
    assert ids.shape == (20, 30, len(factors.sizes))
    for label, group in zip(labels, ids, strict=True):
        constant = (group == group[0]).all(axis=0)
        assert constant[label]
        if not isinstance(factors, FactorTable):
            assert all(size == 1 or not constant[other] for other, size in enumerate(factors.sizes) if other != label)


def test_traversals_vary_one_factor(dataset):
    factors = dataset.factors
    for factor, size in enumerate(factors.sizes):
        indices = factors.traversal(factor, 5)
        assert len(indices) == min(size, 5)
        values = factors.real_values(indices)[:, factor]
        assert (np.diff(values) >= 0).all()
        if not isinstance(factors, FactorTable):
            assert factors.ids(indices)[[0, -1], factor].tolist() == [0, size - 1]
            assert (np.delete(factors.ids(indices), factor, axis=1) == np.delete(factors.ids(indices[0]), factor)).all()


def test_memory_is_what_the_store_takes(dataset):
    unloaded = type(dataset)(dataset.config)
    assert unloaded.memory() is not None
    if isinstance(dataset, Sprites) and dataset.config.variant != "plain":
        assert dataset.memory() > unloaded.memory()
    elif not dataset.fixed:
        assert dataset.memory() == unloaded.memory()


@pytest.mark.parametrize("file", FILES)
def test_files_are_read_in_grid_order(file, published):
    dataset, expected = published(file)
    dataset.load()
    images = dataset.images(torch.arange(len(dataset)))
    assert torch.equal((images * 255).round().byte().permute(0, 2, 3, 1), torch.from_numpy(expected))


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_read_before_loading(file, published, data):
    dataset, expected = published(file)
    for path in data.iterdir():
        path.rename(data.with_name(path.name))
    assert len(dataset) == len(expected)
    assert dataset.image.height
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("file", FILES)
def test_files_are_decoded_once(file, published, data):
    dataset, _ = published(file)
    dataset.load()
    copies = {path: path.stat().st_mtime_ns for path in data.glob("cache/*/*.npy")}
    assert copies
    dataset.load()
    assert {path: path.stat().st_mtime_ns for path in data.glob("cache/*/*.npy")} == copies


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_images(dataset):
    there = type(dataset)(dataset.config)
    there.load("cuda")
    indices = torch.arange(min(len(dataset), 50))
    images, expected = there.images(indices.cuda()).cpu(), dataset.images(indices)
    if isinstance(dataset, TeapotsGrid):
        # Drawn there, where sums round differently.
        assert (images - expected).abs().mean() < 1e-4
    else:
        assert torch.equal(images, expected)
