"""MNIST, SVHN and CIFAR-10, read by torchvision."""

import gzip
import hashlib
import warnings
from operator import methodcaller
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import datasets

from harness.config import Field, Settings
from harness.data_files import data_root, may_download, missing, wrong_format
from harness.dataset import LabelledDataset
from harness.errors import UserError
from harness.model import ImageSpec
from harness.store import locked, write_whole
from harness_datasets.image_store import StoredImages


class TorchvisionSet(LabelledDataset, StoredImages):
    """Base of the sets that torchvision reads, and fetches where that is allowed.

    torchvision compares each file with its published MD5 checksum (of MNIST only the compressed files),
    and so never unpickles a file that is not the published one.
    """

    classes = 10

    FOLDER: ClassVar[str]
    """Where torchvision looks, below the data root."""
    ORIGIN: ClassVar[str]

    def open(self, root: Path, download: bool) -> tuple[NDArray[np.uint8], Any]:
        """Images (N, H, W, C) and N labels, read by torchvision."""
        raise NotImplementedError(f"{type(self).__name__} must be read")

    def files(self, root: Path) -> dict[Path, str]:
        """The files that torchvision reads, each with its MD5 checksum; "" where none is published."""
        raise NotImplementedError(f"{type(self).__name__} must know its files")

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, C); also sets the labels.

        Raises:
            UserError: files are missing, or not the published ones.
        """
        root = data_root() / self.FOLDER
        absent = [path for path in self.files(root) if not path.exists()]
        if absent and not may_download():
            raise missing(absent[0], f"{self.ORIGIN}, or run again with --download", "digits")
        try:
            # Locked, because two processes would write the same download. Old pickles and .mat files make
            # NumPy warn about its own history.
            with locked(root / ".lock"), warnings.catch_warnings(action="ignore"):
                images, labels = self.open(root, download=bool(absent))
        # Whatever torchvision stumbles on in a damaged file.
        except Exception as error:
            for path, checksum in self.files(root).items():
                if checksum and path.exists() and _md5(path) != checksum:
                    raise wrong_format(path, f"the published file with MD5 checksum {checksum}") from None
            raise UserError(
                f"{root}: torchvision cannot read {', '.join(path.name for path in self.files(root))}: {error}"
            ) from None
        self._targets = torch.as_tensor(np.asarray(labels), dtype=torch.int64)
        if len(self._targets) != len(images):
            raise UserError(f"{root}: has {len(images)} images but {len(self._targets)} labels")
        return images

    def load(self, device: torch.device | str = "cpu") -> None:
        """Read images and labels and keep them on the device.

        Raises:
            UserError: the files are missing or broken; the message says how to get them.
        """
        super().load(device)
        self._labels = self._targets.to(self.device)

    def labels(self, indices: Tensor) -> Tensor:
        """int64 (N,) class of each image at int64 indices (N,), both on `device`."""
        return self._labels[indices]


class MNIST(TorchvisionSet):
    """70,000 handwritten digits, grey on black: 60,000 for training and 10,000 for testing.

    The four files are read as published (.gz) or decompressed.
    """

    class Config(Settings):
        """Which part, and whether there is a border."""

        split: Literal["train", "test"] = Field("train", description="which of the published parts")
        image_size: Literal[28, 32] = Field(
            28, description="height and width, pixels; 32 has a black border of 2 pixels, for models that halve often"
        )

    source = "MNIST (LeCun, Bottou, Bengio & Haffner, 1998)"

    FOLDER = "mnist"
    ORIGIN = datasets.MNIST.mirrors[0]

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(1, config.image_size, config.image_size)

    def files(self, root: Path) -> dict[Path, str]:
        """The published files, or decompressed ones where they lie beside or instead."""
        found = {}
        for name, checksum in datasets.MNIST.resources:
            path = root / "MNIST" / "raw" / name
            found.update({path.with_suffix(""): ""} if path.with_suffix("").exists() else {path: checksum})
        return found

    def open(self, root: Path, download: bool) -> tuple[NDArray[np.uint8], Any]:
        """Images (N, H, W, 1) and N labels."""
        if not download:
            _unpack(root / "MNIST" / "raw")
        found = datasets.MNIST(root, train=self.config.split == "train", download=download)
        border = (self.config.image_size - 28) // 2
        if found.data.shape[1:] != (28, 28):
            raise ValueError(f"images have shape {tuple(found.data.shape[1:])}, expected (28, 28)")
        return np.pad(found.data.numpy(), ((0, 0), (border, border), (border, border)))[..., None], found.targets


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _unpack(folder: Path) -> None:
    """Decompress MNIST's files where only the published ones are there."""
    for name, checksum in datasets.MNIST.resources:
        path = folder / name
        if path.with_suffix("").exists():
            continue
        if _md5(path) != checksum:
            raise ValueError(f"{name} is not the published file")
        plain = gzip.decompress(path.read_bytes())
        write_whole(path.with_suffix(""), methodcaller("write", plain))


class SVHN(TorchvisionSet):
    """Digits of house numbers, 32x32 RGB: 73,257 for training, 26,032 for testing, 531,131 easier ones."""

    class Config(Settings):
        """Which part."""

        split: Literal["train", "test", "extra"] = Field("train", description="which of the published parts")

    source = "SVHN (Netzer et al., 2011), http://ufldl.stanford.edu/housenumbers"

    FOLDER = "svhn"
    ORIGIN = "http://ufldl.stanford.edu/housenumbers"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, 32, 32)

    def files(self, root: Path) -> dict[Path, str]:
        """The one file of the part."""
        _, name, checksum = datasets.SVHN.split_list[self.config.split]
        return {root / name: checksum}

    def open(self, root: Path, download: bool) -> tuple[NDArray[np.uint8], Any]:
        """Images (N, 32, 32, 3) and N labels; the label of a zero is 0."""
        found = datasets.SVHN(root, self.config.split, download=download)
        return np.ascontiguousarray(found.data.transpose(0, 2, 3, 1)), found.labels


class CIFAR10(TorchvisionSet):
    """60,000 photographs of ten kinds of things, 32x32 RGB: 50,000 for training, 10,000 for testing."""

    class Config(Settings):
        """Which part."""

        split: Literal["train", "test"] = Field("train", description="which of the published parts")

    source = "CIFAR-10 (Krizhevsky, 2009), https://www.cs.toronto.edu/~kriz/cifar.html"

    FOLDER = "cifar10"
    ORIGIN = datasets.CIFAR10.url

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, 32, 32)

    def files(self, root: Path) -> dict[Path, str]:
        """The batches of both parts, all of which torchvision checks, and the names of the classes."""
        cifar = datasets.CIFAR10
        published = [*cifar.train_list, *cifar.test_list, (cifar.meta["filename"], cifar.meta["md5"])]
        return {root / cifar.base_folder / name: checksum for name, checksum in published}

    def open(self, root: Path, download: bool) -> tuple[NDArray[np.uint8], Any]:
        """Images (N, 32, 32, 3) and N labels."""
        found = datasets.CIFAR10(root, train=self.config.split == "train", download=download)
        return np.ascontiguousarray(found.data), found.targets
