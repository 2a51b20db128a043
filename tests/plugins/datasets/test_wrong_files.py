"""Missing, damaged and mistaken files: each error names the file and says what was expected."""

import gzip
import re
import zipfile

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from harness.errors import UserError

PATHS = {
    "dsprites-npz": "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
    "dsprites-hdf5": "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5",
    "shapes3d": "shapes3d/3dshapes.h5",
    "mpi3d": "mpi3d/mpi3d_toy.npz",
    "smallnorb": "smallnorb/smallnorb-5x46789x9x18x6x2x96x96-training-dat.mat.gz",
    "cars3d": "cars3d/cars/car_002_mesh.mat",
}


@pytest.fixture(params=PATHS)
def name(request):
    return request.param


def refused(dataset, path, *words):
    with pytest.raises(UserError) as caught:
        dataset.load()
    message = str(caught.value)
    assert str(path) in message
    for word in words:
        assert word in message
    return message


def test_missing(name, published, data):
    dataset, _ = published(name)
    path = data / PATHS[name]
    if name == "cars3d":
        path = path.parent
    path.rename(data / "elsewhere")
    message = refused(dataset, path, "no such file", "HARNESS_DATA", "--data", "http", "which needs no files")
    assert re.search("'(sprites|teapots)', which needs no files", message)


def test_web_page(name, published, data, html):
    dataset, _ = published(name)
    (data / PATHS[name]).write_bytes(html)
    refused(dataset, data / PATHS[name], "web page")


def test_empty(name, published, data):
    dataset, _ = published(name)
    (data / PATHS[name]).write_bytes(b"")
    refused(dataset, data / PATHS[name], "empty")


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_truncated(name, share, published, data):
    dataset, _ = published(name)
    path = data / PATHS[name]
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(dataset, path, "expected")
    assert not list(data.glob("cache/*/*.npy")), "nothing broken is kept"


def test_a_repaired_file_is_read(published, data):
    dataset, _ = published("mpi3d")
    path = data / PATHS["mpi3d"]
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    refused(dataset, path)
    path.write_bytes(whole)
    dataset.load()


def test_damaged_in_the_middle(published, data):
    dataset, _ = published("mpi3d")
    path = data / PATHS["mpi3d"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(dataset, path, "216 entries of 'images'")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"pictures": np.zeros((216, 64, 64, 3), np.uint8)}, ["no array 'images'", "pictures"]),
        ({"images": np.zeros((216, 32, 32, 3), np.uint8)}, ["216 x 32 x 32 x 3", "N x 64 x 64 x 3"]),
        ({"images": np.zeros((216, 64, 64), np.uint8)}, ["216 x 64 x 64,", "N x 64 x 64 x 3"]),
        ({"images": np.zeros((216, 64, 64, 3), np.float32)}, ["float32", "uint8"]),
        ({"images": np.zeros((96, 64, 64, 3), np.uint8)}, ["96 images", "216", "dataset.edition = '4x4'"]),
        ({"images": np.zeros((100, 64, 64, 3), np.uint8)}, ["100 images", "expected 216 for edition '6x6'"]),
        ({"images": np.asfortranarray(np.zeros((216, 64, 64, 3), np.uint8))}, ["Fortran"]),
    ],
)
def test_wrong_npz(arrays, words, published, data):
    dataset, _ = published("mpi3d")
    np.savez(data / PATHS["mpi3d"], **arrays)
    refused(dataset, data / PATHS["mpi3d"], *words)


class Trap:
    """Unpickling this would run code."""

    def __reduce__(self):
        return (pytest.fail, ("the file's code was run",))


def test_pickles_are_refused(published, data):
    dataset, _ = published("dsprites-npz")
    np.savez(data / PATHS["dsprites-npz"], imgs=np.array([Trap()], dtype=object))
    refused(dataset, data / PATHS["dsprites-npz"], "'imgs'", "pickled")


def test_pickled_metadata_is_never_opened(published, data):
    dataset, expected = published("dsprites-npz")
    images = expected[..., 0] // 255
    np.savez(data / PATHS["dsprites-npz"], imgs=images, metadata=np.array(Trap(), dtype=object))
    dataset.load()


def test_npz_without_arrays(published, data):
    dataset, _ = published("mpi3d")
    with zipfile.ZipFile(data / PATHS["mpi3d"], "w") as archive:
        archive.writestr("images.npy", "not an array")
    refused(dataset, data / PATHS["mpi3d"], "NumPy array as 'images'")


@pytest.mark.parametrize(
    ("key", "shape", "dtype", "words"),
    [
        ("image", (288, 64, 64, 3), "uint8", ["no array 'images'", "image"]),
        ("images/deeper", (288, 64, 64, 3), "uint8", ["no array 'images'"]),
        ("images", (288, 3, 64, 64), "uint8", ["288 x 3 x 64 x 64", "288 x 64 x 64 x 3"]),
        ("images", (100, 64, 64, 3), "uint8", ["100 x 64", "288 x 64"]),
        ("images", (288, 64, 64, 3), "float32", ["float32", "uint8"]),
    ],
)
def test_wrong_hdf5(key, shape, dtype, words, published, data):
    dataset, _ = published("shapes3d")
    with h5py.File(data / PATHS["shapes3d"], "w") as file:
        file.create_dataset(key, shape, dtype)
    refused(dataset, data / PATHS["shapes3d"], *words)


def test_dsprites_with_grey_values(published, data):
    dataset, expected = published("dsprites-npz")
    np.savez(data / PATHS["dsprites-npz"], imgs=expected[..., 0])
    refused(dataset, data / PATHS["dsprites-npz"], "value 255", "0 and 1")


class TestNorb:
    info = "smallnorb/smallnorb-5x46789x9x18x6x2x96x96-training-info.mat.gz"

    def test_decompressed_files_are_read(self, published, data):
        dataset, _ = published("smallnorb")
        for path in (data / "smallnorb").iterdir():
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
        dataset.load()

    @pytest.mark.parametrize(
        ("array", "words"),
        [
            (np.zeros((48, 4), np.int16), ["int16", "int32"]),
            (np.zeros((48, 3), np.int32), ["48 x 3", "48 x 4"]),
            (np.zeros((47, 4), np.int32), ["47 x 4", "48 x 4"]),
            (np.full((48, 4), 99, np.int32), ["99", "expected"]),
        ],
    )
    def test_wrong_matrix(self, array, words, published, data, write_norb):
        dataset, _ = published("smallnorb")
        write_norb(data / self.info, array)
        refused(dataset, data / self.info, *words)

    def test_combination_missing(self, published, data, write_norb):
        dataset, _ = published("smallnorb")
        write_norb(data / self.info, np.zeros((48, 4), np.int32))
        refused(dataset, data / "smallnorb", "combinations", "expected all 96")

    def test_big_endian(self, published, data):
        dataset, _ = published("smallnorb")
        (data / self.info).write_bytes(gzip.compress(np.array([0x1E3D4C54, 2, 48, 4, 1], ">i4").tobytes()))
        refused(dataset, data / self.info, "NORB matrix of int32")


class TestCars:
    def test_count(self, published, data):
        dataset, _ = published("cars3d")
        (data / PATHS["cars3d"]).unlink()
        refused(dataset, data / "cars3d/cars", "has 1 files", "expected 2")

    def test_key(self, published, data):
        dataset, _ = published("cars3d")
        savemat(data / PATHS["cars3d"], {"image": np.zeros(3)})
        refused(dataset, data / PATHS["cars3d"], "no array 'im'")

    def test_shape(self, published, data):
        dataset, _ = published("cars3d")
        savemat(data / PATHS["cars3d"], {"im": np.zeros((64, 64, 3, 24, 4), np.uint8)})
        refused(dataset, data / PATHS["cars3d"], "64 x 64 x 3 x 24 x 4", "128 x 128")
