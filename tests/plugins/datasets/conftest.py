"""Small editions of the published ground-truth datasets, in files of the true formats."""

import gzip

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from harness.testing import checks
from harness_datasets.cars3d import Cars3D
from harness_datasets.dsprites import DSprites
from harness_datasets.falcor3d import Falcor3D
from harness_datasets.isaac3d import Isaac3D
from harness_datasets.mpi3d import MPI3D
from harness_datasets.shapes3d import Shapes3D
from harness_datasets.smallnorb import SmallNORB
from harness_datasets.teapots.published import TeapotFiles

HTML = b"<!DOCTYPE html>\n<html><body>Please log in.</body></html>\n"


class SmallDSprites(DSprites):
    """A few of the images."""

    SIZES = (3, 2, 3, 2, 2)


class SmallShapes3D(Shapes3D):
    """A few of the images."""

    SIZES = (2, 3, 2, 2, 4, 3)


class SmallMPI3D(MPI3D):
    """A few of the images."""

    SIZES = {"6x6": (3, 3, 2, 3, 1, 2, 2), "4x4": (2, 2, 2, 3, 1, 2, 2)}  # noqa: RUF012 - as in the class itself


class SmallSmallNORB(SmallNORB):
    """A few of the images."""

    SIZES = (2, 4, 3, 2, 2)


class FewCars3D(Cars3D):
    """A few of the images."""

    OBJECTS = 2


class SmallFalcor3D(Falcor3D):
    """A few of the images."""

    SIZES = (2, 2, 1, 3, 1, 1, 2)


class SmallIsaac3D(Isaac3D):
    """A few of the images."""

    SIZES = (3, 2, 1, 2, 1, 1, 2, 1, 2)


class FewTeapots(TeapotFiles):
    """A few of the images."""

    COUNT = 50


@pytest.fixture(autouse=True, scope="session")
def single_thread():
    """Everything here is small; on a busy machine threads would mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """The data root: an empty folder."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HARNESS_DOWNLOAD", raising=False)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def norb(path, array, magic=None):
    """Write a matrix as NORB's authors do."""
    magics = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54, "int16": 0x1E3D4C56}
    lengths = [*array.shape, *[1] * (3 - array.ndim)]
    header = np.array([magic or magics[array.dtype.name], array.ndim, *lengths], "<i4")
    data = header.tobytes() + array.astype(array.dtype.newbyteorder("<")).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


def noise(*shape, high=256, seed=0):
    return np.random.default_rng(seed).integers(0, high, shape, dtype=np.uint8)


def write_dsprites_npz(folder):
    images = noise(72, 64, 64, high=2)
    (folder / "dsprites").mkdir()
    # As published: the metadata is an object, pickled.
    np.savez_compressed(
        folder / "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
        imgs=images,
        latents_values=np.zeros((72, 6)),
        latents_classes=np.zeros((72, 6), np.int64),
        metadata=np.array({"title": "dSprites"}, dtype=object),
    )
    return images[..., None] * 255


def write_dsprites_hdf5(folder):
    images = noise(72, 64, 64, high=2)
    (folder / "dsprites").mkdir()
    with h5py.File(folder / "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5", "w") as file:
        file.create_dataset("imgs", data=images, compression="gzip", chunks=(16, 64, 64))
        file.create_group("latents").create_dataset("values", data=np.zeros((72, 6)))
    return images[..., None] * 255


def write_shapes3d(folder):
    images = noise(288, 64, 64, 3)
    (folder / "shapes3d").mkdir()
    with h5py.File(folder / "shapes3d/3dshapes.h5", "w") as file:
        file.create_dataset("images", data=images, compression="gzip", compression_opts=1, chunks=(32, 64, 64, 3))
        file.create_dataset("labels", data=np.zeros((288, 6)))
    return images


def write_mpi3d(folder):
    images = noise(216, 64, 64, 3)
    (folder / "mpi3d").mkdir()
    np.savez(folder / "mpi3d/mpi3d_toy.npz", images=images)
    return images


def write_smallnorb(folder):
    """The true layout: instances split between the two sets, azimuths numbered 0, 2, ..."""
    sizes = SmallSmallNORB.SIZES
    images = np.zeros((*sizes, 96, 96, 1), np.uint8)
    rng = np.random.default_rng(0)
    for part, name, instances in (
        ("training", "5x46789x9x18x6x2x96x96", (1, 3)),
        ("testing", "5x01235x9x18x6x2x96x96", (0, 2)),
    ):
        ids = np.array([row for row in np.ndindex(sizes) if row[1] in instances])
        rng.shuffle(ids)
        pairs = rng.integers(0, 256, (len(ids), 2, 96, 96), dtype=np.uint8)
        images[tuple(ids.T)] = pairs[:, 0, :, :, None]
        information = np.stack([ids[:, 1], ids[:, 2], 2 * ids[:, 3], ids[:, 4]], axis=1).astype(np.int32)
        stem = f"smallnorb/smallnorb-{name}-{part}"
        norb(folder / f"{stem}-dat.mat.gz", pairs)
        norb(folder / f"{stem}-cat.mat.gz", ids[:, 0].astype(np.int32))
        norb(folder / f"{stem}-info.mat.gz", information)
    return images.reshape(-1, 96, 96, 1)


def write_cars3d(folder):
    images = np.zeros((4, 24, 2, 128, 128, 3), np.uint8)
    (folder / "cars3d/cars").mkdir(parents=True)
    for car in range(2):
        # Smooth, so that resizing them tells little.
        ramp = np.linspace(0, 100, 128)[:, None, None] + np.linspace(0, 50, 128)[:, None] + 30 * np.arange(3)
        each = (ramp[..., None, None] + np.arange(24)[:, None] + 5 * np.arange(4) + 3 * car).astype(np.uint8)
        savemat(folder / f"cars3d/cars/car_{car + 1:03}_mesh.mat", {"im": each}, do_compression=True)
        images[:, :, car] = each.transpose(4, 3, 0, 1, 2)
    return images.reshape(-1, 128, 128, 3)


def teapot_values(n, seed=0):
    """Azimuth, elevation, red, green and blue."""
    return np.random.default_rng(seed).uniform(0, [2 * np.pi, np.pi / 2, 1, 1, 1], (n, 5))


def write_teapots_ew(folder):
    images = noise(50, 64, 64, 3)
    (folder / "teapots").mkdir()
    np.savez(folder / "teapots/teapots.npz", images=images.astype(np.int32), gts=teapot_values(50))
    return images


def write_teapots_cr(folder):
    """With metric groups: 10 of 4 images."""
    images = noise(50, 64, 64, 3)
    groups = noise(10, 4, 64, 64, 3, seed=1)
    for part in ("train_data", "metric_data"):
        (folder / "teapots" / part).mkdir(parents=True)
    np.savez(folder / "teapots/train_data/data.npz", imgs=images.astype(np.float32) / 255, latents=teapot_values(50))
    np.savez(folder / "teapots/metric_data/data.npz", imgs=groups / 255.0, labels=np.arange(10, dtype=np.int32) % 5)
    return images


def write_numbered(folder, count, size):
    """Pictures called 000000.png and so on."""
    images = noise(count, size, size, 3)
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:06}.png")
    return images


PUBLISHED = {
    "dsprites-npz": (SmallDSprites, {"format": "npz"}, write_dsprites_npz),
    "dsprites-hdf5": (SmallDSprites, {}, write_dsprites_hdf5),
    "shapes3d": (SmallShapes3D, {}, write_shapes3d),
    "mpi3d": (SmallMPI3D, {}, write_mpi3d),
    "smallnorb": (SmallSmallNORB, {"image_size": 96, "instance": True}, write_smallnorb),
    "cars3d": (FewCars3D, {"image_size": 128}, write_cars3d),
    "falcor3d": (
        SmallFalcor3D,
        {"image_size": 128},
        lambda folder: write_numbered(folder / "falcor3d/Falcor3D_down128/images", 24, 128),
    ),
    "isaac3d": (
        SmallIsaac3D,
        {"image_size": 128},
        lambda folder: write_numbered(folder / "isaac3d/Isaac3D_down128/images", 48, 128),
    ),
    "teapots-published-ew": (FewTeapots, {}, write_teapots_ew),
    "teapots-published-cr": (FewTeapots, {"edition": "infogan-cr"}, write_teapots_cr),
}


@pytest.fixture
def published(data):
    """published(name, **config): a small edition, its file written and not yet loaded, and the expected images."""

    def write(name, **config):
        cls, settings, writer = PUBLISHED[name]
        expected = writer(data)
        return cls(cls.Config(**{**settings, **config})), expected

    return write


@pytest.fixture
def html():
    """A web page, as a failed download leaves behind."""
    return HTML


@pytest.fixture
def write_norb():
    """norb(path, array): write a matrix in NORB's format."""
    return norb


@pytest.fixture
def assert_keeps_contract():
    """assert_keeps_contract(dataset): what `harness check` asks of a dataset with these settings."""

    def ask(dataset):
        for check in checks(type(dataset), dataset.config.values()):
            check()

    return ask
