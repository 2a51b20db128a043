"""MNIST, SVHN and CIFAR-10: few images in files of the true formats, with the checksums that these have."""

import gzip
import hashlib
import os
import pickle

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torchvision import datasets
from torchvision.datasets import svhn as torchvision_svhn

from harness.errors import UserError
from harness_datasets.color_mnist import ColorMNIST
from harness_datasets.torchvision_sets import CIFAR10, MNIST, SVHN


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def load(cls, **config):
    made = cls(cls.Config(**config))
    made.load()
    return made


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def assert_shows(dataset, images, labels):
    """The dataset gives these images, bytes (N, H, W, C), and labels."""
    indices = torch.arange(len(dataset))
    assert len(dataset) == len(images)
    found = dataset.images(indices)
    assert found.shape[1:] == (dataset.image.channels, dataset.image.height, dataset.image.width)
    assert torch.equal((found * 255).round().byte().permute(0, 2, 3, 1), torch.from_numpy(images))
    assert dataset.labels(indices).dtype == torch.int64
    assert dataset.labels(indices).tolist() == list(labels)


def test_memory_is_known_before_reading():
    assert MNIST(MNIST.Config()).memory() == 60_000 * 28 * 28
    assert MNIST(MNIST.Config(split="test", image_size=32)).memory() == 10_000 * 32 * 32
    assert ColorMNIST(ColorMNIST.Config()).memory() == 60_000 * 28 * 28 * 3
    assert SVHN(SVHN.Config(split="extra")).memory() == 531_131 * 32 * 32 * 3
    assert CIFAR10(CIFAR10.Config()).memory() == 50_000 * 32 * 32 * 3


class TestMNIST:
    images, labels = noise(7, 28, 28), np.array([5, 0, 4, 1, 9, 2, 1], np.uint8)

    @pytest.fixture
    def folder(self, data, monkeypatch):
        """The four files as published: big-endian headers, gzipped."""
        folder = data / "mnist/MNIST/raw"
        folder.mkdir(parents=True)
        resources = []
        for part, rows in (("train", slice(None)), ("t10k", slice(0, 3))):
            for kind, array in (("images-idx3", self.images[rows]), ("labels-idx1", self.labels[rows])):
                header = np.array([0x800 + array.ndim, *array.shape], ">i4").tobytes()
                path = folder / f"{part}-{kind}-ubyte.gz"
                path.write_bytes(gzip.compress(header + array.tobytes()))
                resources.append((path.name, md5(path)))
        monkeypatch.setattr(datasets.MNIST, "resources", resources)
        return folder

    def test_images_and_labels(self, folder):
        assert_shows(load(MNIST), self.images[..., None], self.labels)
        assert_shows(load(MNIST, split="test"), self.images[:3, ..., None], self.labels[:3])

    @pytest.mark.parametrize("cls", [MNIST, ColorMNIST])
    def test_the_contract_is_kept(self, folder, cls, assert_keeps_contract):
        assert_keeps_contract(load(cls))

    def test_a_border(self, folder):
        images = load(MNIST, image_size=32).images(torch.arange(7))
        assert images.shape == (7, 1, 32, 32)
        assert torch.equal(images[:, :, 2:-2, 2:-2], load(MNIST).images(torch.arange(7)))
        assert images.count_nonzero() == images[:, :, 2:-2, 2:-2].count_nonzero()

    def test_is_decoded_once(self, folder, data, monkeypatch):
        load(MNIST)
        monkeypatch.setattr(MNIST, "open", lambda *_: pytest.fail("the files were read again"))
        assert_shows(load(MNIST), self.images[..., None], self.labels)
        assert len(list(data.glob("cache/mnist-*/*.npy"))) == 2

    def test_decompressed_files(self, folder):
        load(MNIST)
        for path in folder.glob("*.gz"):
            path.unlink()
        assert_shows(load(MNIST), self.images[..., None], self.labels)

    @pytest.mark.parametrize("plain", ["none", "one"])
    def test_a_data_root_that_cannot_be_written(self, folder, data, monkeypatch, plain):
        if plain == "one":
            first = next(folder.iterdir())
            first.with_suffix("").write_bytes(gzip.decompress(first.read_bytes()))
        before, access = sorted((data / "mnist").rglob("*")), os.access
        below = str(data / "mnist")
        monkeypatch.setattr(
            os, "access", lambda path, mode: not str(path).startswith(below) and access(path, mode)
        )  # Whoever runs as root may write everywhere.
        assert_shows(load(MNIST), self.images[..., None], self.labels)
        assert sorted((data / "mnist").rglob("*")) == before

    def test_in_colour(self, folder):
        grey, colored = load(MNIST), load(ColorMNIST)
        indices = torch.tensor([6, 2])
        images, originals = colored.images(indices), grey.images(indices)
        assert str(colored.image) == "3x28x28"
        assert ((images / originals).nan_to_num().amax((2, 3)) >= 0.5 - 1e-6).all()
        assert (images <= originals).all()
        assert torch.equal(colored.labels(indices), grey.labels(indices))

    def test_missing(self, data):
        with pytest.raises(
            UserError, match=r"train-images-idx3-ubyte\.gz: there is no such file.*--download.*'digits'"
        ):
            load(MNIST)

    def test_web_page(self, folder, html):
        (folder / "train-images-idx3-ubyte.gz").write_bytes(html)
        with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz: expected .*MD5.*web page"):
            load(MNIST)

    def test_truncated(self, folder):
        load(MNIST)
        path = folder / "train-images-idx3-ubyte"
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(UserError, match=r"torchvision cannot read train-images-idx3-ubyte"):
            load(MNIST)

    def test_wrong_checksum(self, folder):
        path = folder / "t10k-labels-idx1-ubyte.gz"
        path.write_bytes(gzip.compress(b"something else"))
        with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\.gz: expected .*MD5 checksum"):
            load(MNIST)

    def test_labels_must_match(self, folder):
        load(MNIST)
        (folder / "train-labels-idx1-ubyte").write_bytes((folder / "t10k-labels-idx1-ubyte").read_bytes())
        with pytest.raises(UserError, match="7 images but 3 labels"):
            load(MNIST)


class TestSVHN:
    images, labels = noise(5, 32, 32, 3), np.array([[1], [10], [9], [10], [2]], np.uint8)

    @pytest.fixture
    def file(self, data, monkeypatch):
        (data / "svhn").mkdir()
        path = data / "svhn/train_32x32.mat"
        savemat(path, {"X": self.images.transpose(1, 2, 3, 0), "y": self.labels}, do_compression=True)
        self.publish(path, monkeypatch)
        return path

    def publish(self, path, monkeypatch):
        monkeypatch.setitem(datasets.SVHN.split_list, "train", ["http://example.org", path.name, md5(path)])

    def test_images_and_labels(self, file):
        assert_shows(load(SVHN), self.images, [1, 0, 9, 0, 2])

    def test_the_contract_is_kept(self, file, assert_keeps_contract):
        assert_keeps_contract(load(SVHN))

    def test_missing(self, file):
        with pytest.raises(UserError, match=r"test_32x32\.mat: there is no such file"):
            load(SVHN, split="test")

    def test_wrong_checksum(self, file):
        file.write_bytes(file.read_bytes() + b" ")
        with pytest.raises(UserError, match=r"train_32x32\.mat: expected .*MD5 checksum"):
            load(SVHN)

    @pytest.mark.parametrize("share", [0, 0.5])
    def test_truncated(self, share, file):
        file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
        with pytest.raises(UserError, match=r"train_32x32\.mat: expected .*MD5 checksum"):
            load(SVHN)

    def test_wrong_shape(self, file, monkeypatch):
        savemat(file, {"X": self.images.transpose(1, 2, 3, 0)[:16], "y": self.labels})
        self.publish(file, monkeypatch)
        with pytest.raises(UserError, match=r"svhn: has images of 16 x 32 pixels, expected 32 x 32"):
            load(SVHN)

    def test_wrong_number(self, file, monkeypatch):
        savemat(file, {"X": self.images.transpose(1, 2, 3, 0), "y": self.labels[:4]})
        self.publish(file, monkeypatch)
        with pytest.raises(UserError, match="svhn: has 5 images but 4 labels"):
            load(SVHN)

    def test_web_page(self, file, html):
        file.write_bytes(html)
        with pytest.raises(UserError, match=r"train_32x32\.mat: expected .*web page"):
            load(SVHN)

    def test_a_broken_download_is_fetched_again(self, file, monkeypatch):
        whole = file.read_bytes()
        file.write_bytes(whole[:100])
        monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
        monkeypatch.setattr(
            torchvision_svhn, "download_url", lambda url, root, name, md5: (root / name).write_bytes(whole)
        )
        assert_shows(load(SVHN), self.images, [1, 0, 9, 0, 2])

    def test_missing_key(self, file, monkeypatch):
        savemat(file, {"X": self.images.transpose(1, 2, 3, 0)})
        self.publish(file, monkeypatch)
        with pytest.raises(UserError, match="'y'"):
            load(SVHN)


class TestCIFAR10:
    images, labels = noise(10, 32, 32, 3), np.arange(10)

    @pytest.fixture
    def folder(self, data, monkeypatch):
        """Batches of two images each; red, green and blue planes in rows of 3072."""
        folder = data / "cifar10/cifar-10-batches-py"
        folder.mkdir(parents=True)
        names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
        for number, name in enumerate(names):
            rows = slice(2 * (number % 5), 2 * (number % 5) + 2)
            batch = {
                "data": self.images[rows].transpose(0, 3, 1, 2).reshape(2, -1),
                "labels": self.labels[rows].tolist(),
            }
            (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
        (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}, protocol=2))
        sums = [[name, md5(folder / name)] for name in names]
        monkeypatch.setattr(datasets.CIFAR10, "train_list", sums[:5])
        monkeypatch.setattr(datasets.CIFAR10, "test_list", sums[5:])
        monkeypatch.setitem(datasets.CIFAR10.meta, "md5", md5(folder / "batches.meta"))
        return folder

    def test_images_and_labels(self, folder):
        assert_shows(load(CIFAR10), self.images, self.labels)
        assert_shows(load(CIFAR10, split="test"), self.images[:2], self.labels[:2])

    def test_the_contract_is_kept(self, folder, assert_keeps_contract):
        assert_keeps_contract(load(CIFAR10))

    def test_missing(self, folder):
        (folder / "data_batch_3").unlink()
        with pytest.raises(UserError, match=r"data_batch_3: there is no such file.*cifar-10-python\.tar\.gz"):
            load(CIFAR10)

    @pytest.mark.parametrize("content", [b"", b"<html>Please log in.</html>", b"\x80\x02}"])
    def test_a_damaged_batch_is_named(self, content, folder):
        (folder / "data_batch_3").write_bytes(content)
        with pytest.raises(UserError, match=r"data_batch_3: expected .*MD5 checksum"):
            load(CIFAR10)

    @pytest.mark.parametrize(
        "batch", [{"labels": [0, 1]}, {"data": np.zeros((2, 3000), np.uint8), "labels": [0, 1]}, ["no", "table"]]
    )
    def test_a_batch_with_something_else(self, batch, folder, monkeypatch):
        # Even if it had the published checksum.
        (folder / "data_batch_3").write_bytes(pickle.dumps(batch, protocol=2))
        sums = [[name, md5(folder / name)] for name, _ in datasets.CIFAR10.train_list]
        monkeypatch.setattr(datasets.CIFAR10, "train_list", sums)
        with pytest.raises(UserError, match="torchvision cannot read data_batch_1"):
            load(CIFAR10)

    def test_an_unpublished_pickle_is_not_opened(self, folder):
        class Trap:
            def __reduce__(self):
                return (pytest.fail, ("the file's code was run",))

        (folder / "data_batch_3").write_bytes(pickle.dumps(Trap()))
        with pytest.raises(UserError, match=r"data_batch_3: expected .*MD5 checksum"):
            load(CIFAR10)
