"""MNIST, SVHN and CIFAR-10, read by torchvision."""

import gzip
import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from operator import methodcaller
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets

from harness import Field, ImageSpec, Settings, UserError
from harness.data import (
    DataFile,
    DecodedArrays,
    StoredLabels,
    data_root,
    decoded,
    locked,
    may_download,
    missing,
    write_whole,
    wrong_format,
)


class TorchvisionSet(StoredLabels):
    """Base of the sets that torchvision reads, and fetches where that is allowed.

    torchvision compares each file with its published MD5 checksum (of MNIST only the compressed files),
    and so never unpickles a file that is not the published one. What it has read is kept, and later mapped into memory.
    """

    classes = 10

    FOLDER: ClassVar[str]
    """Where torchvision looks, below the data root."""
    ORIGIN: ClassVar[str]
    COUNTS: ClassVar[Mapping[str, int]]
    """Number of images of each published part."""

    part: str
    """Which of these."""

    def open(self, root: Path, download: bool = False) -> tuple[NDArray[np.uint8], Any]:
        """Images (N, H, W, C) and N labels, read by torchvision, which fetches the files before if it is told to."""
        raise NotImplementedError(f"{type(self).__name__} must be read")

    def prepare(self, root: Path, download: bool) -> None:
        """Bring about the files that `files` names, none of which may be missing unless they are to be fetched."""
        if download:
            self.open(root, download=True)

    def files(self, root: Path) -> dict[Path, str]:
        """The files that torchvision reads, each with its MD5 checksum; "" where none is published."""
        raise NotImplementedError(f"{type(self).__name__} must know its files")

    @property
    def expected(self) -> int:
        """Images of the published part."""
        return self.COUNTS[self.part]

    def data_files(self) -> Sequence[Path]:
        """The files that torchvision reads."""
        return list(self.files(self._prepared()))

    def _prepared(self) -> Path:
        """The folder of the files, which are fetched or decompressed first where they have to be."""
        root = data_root() / self.FOLDER
        absent = [path for path in self.files(root) if not path.exists()]
        if absent and not may_download():
            raise missing(absent[0], f"{self.ORIGIN}, or run again with --download", "digits")
        # What a killed download left is fetched again.
        fetching = may_download() and bool(absent or self._wrong(root))
        with self._explained(root):
            self.prepare(root, fetching)
        return root

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, C), decoded once; also sets the labels.

        Raises:
            UserError: files are missing, or not the published ones.
        """
        root = self._prepared()

        def decode(arrays: DecodedArrays) -> None:
            with self._explained(root):
                images, labels = self.open(root)
            if images.shape[1:3] != (self.image.height, self.image.width):
                raise UserError(
                    f"{root}: has images of {images.shape[1]} x {images.shape[2]} pixels, "
                    f"expected {self.image.height} x {self.image.width}"
                )
            if len(labels) != len(images):
                raise UserError(f"{root}: has {len(images)} images but {len(labels)} labels")
            arrays.create("images", images.shape)[:] = images
            arrays.create("labels", (len(labels),), np.int64)[:] = labels

        found = decoded(self.FOLDER, [self.part, self.image.height], list(self.files(root)), decode)
        self.targets = found["labels"]
        return found["images"]

    @contextmanager
    def _explained(self, root: Path) -> Iterator[None]:
        """Whatever torchvision stumbles on is the fault of a file; one process at a time writes files."""
        try:
            # Old pickles and .mat files make NumPy warn about its own history.
            lock = locked(root / ".lock") if os.access(root, os.W_OK) else nullcontext()
            with lock, warnings.catch_warnings(action="ignore"):
                yield
        except Exception as error:
            for path in self._wrong(root):
                raise wrong_format(path, f"the published file with MD5 checksum {self.files(root)[path]}") from None
            names = ", ".join(path.name for path in self.files(root))
            raise UserError(f"{root}: torchvision cannot read {names}: {error}") from None

    def _wrong(self, root: Path) -> list[Path]:
        """The files that are there and do not have their published checksum."""
        files = self.files(root).items()
        return [path for path, checksum in files if checksum and path.exists() and _md5(path) != checksum]


class MNIST(TorchvisionSet):
    """70,000 handwritten digits, grey on black: 60,000 for training and 10,000 for testing.

    The four files are read as published (.gz) or decompressed.
    """

    class Config(Settings):
        split: Literal["train", "test"] = Field("train", description="which of the published parts")
        image_size: Literal[28, 32] = Field(
            28, description="height and width, pixels; 32 has a black border of 2 pixels, for models that halve often"
        )

    source = "MNIST (LeCun, Bottou, Bengio & Haffner, 1998)"

    FOLDER = "mnist"
    COUNTS: ClassVar = {"train": 60_000, "test": 10_000}
    ORIGIN = datasets.MNIST.mirrors[0]

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.part = config.split
        self.image = ImageSpec(1, config.image_size, config.image_size)

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the four compressed files, as from each of torchvision's mirrors."""
        return [
            DataFile(
                f"{cls.FOLDER}/MNIST/raw/{name}",
                cls.ORIGIN,
                "digits",
                cls.ORIGIN + name,
                f"md5:{md5}",
                tuple(mirror + name for mirror in datasets.MNIST.mirrors[1:]),
            )
            for name, md5 in datasets.MNIST.resources
        ]

    def files(self, root: Path) -> dict[Path, str]:
        """The published files, or decompressed ones where they lie beside or instead."""
        found = {}
        for name, checksum in datasets.MNIST.resources:
            path = root / "MNIST" / "raw" / name
            found.update({path.with_suffix(""): ""} if path.with_suffix("").exists() else {path: checksum})
        return found

    def prepare(self, root: Path, download: bool) -> None:
        """Fetch the files, or decompress the published ones."""
        super().prepare(root, download)
        raw = root / "MNIST" / "raw"
        if os.access(raw, os.W_OK):
            _unpack(raw, raw)

    def open(self, root: Path, download: bool = False) -> tuple[NDArray[np.uint8], Any]:
        """Images (N, H, W, 1) and N labels."""
        train = self.config.split == "train"
        if download or all(not path.suffix for path in self.files(root)):
            found = datasets.MNIST(root, train=train, download=download)
        else:  # Where nothing can be written, they are decompressed elsewhere.
            with TemporaryDirectory() as folder:
                raw = Path(folder, "MNIST", "raw")
                raw.mkdir(parents=True)
                _unpack(root / "MNIST" / "raw", raw)
                found = datasets.MNIST(folder, train=train)
        border = (self.config.image_size - 28) // 2
        if found.data.shape[1:] != (28, 28):
            raise ValueError(f"images have shape {tuple(found.data.shape[1:])}, expected (28, 28)")
        return np.pad(found.data.numpy(), ((0, 0), (border, border), (border, border)))[..., None], found.targets


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _unpack(folder: Path, into: Path) -> None:
    """Decompress MNIST's files into a folder, unless they are there already."""
    for name, checksum in datasets.MNIST.resources:
        path, plain = folder / name, (into / name).with_suffix("")
        if plain.exists():
            continue
        if path.with_suffix("").exists():
            content = path.with_suffix("").read_bytes()
        elif _md5(path) != checksum:
            raise ValueError(f"{name} is not the published file")
        else:
            content = gzip.decompress(path.read_bytes())
        write_whole(plain, methodcaller("write", content))


class SVHN(TorchvisionSet):
    """Digits of house numbers, 32x32 RGB: 73,257 for training, 26,032 for testing, 531,131 easier ones."""

    class Config(Settings):
        split: Literal["train", "test", "extra"] = Field("train", description="which of the published parts")

    source = "SVHN (Netzer et al., 2011), http://ufldl.stanford.edu/housenumbers"

    FOLDER = "svhn"
    COUNTS: ClassVar = {"train": 73_257, "test": 26_032, "extra": 531_131}
    ORIGIN = "http://ufldl.stanford.edu/housenumbers"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.part = config.split
        self.image = ImageSpec(3, 32, 32)

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the file of each part."""
        return [
            DataFile(f"{cls.FOLDER}/{name}", cls.ORIGIN, "digits", url, f"md5:{md5}")
            for url, name, md5 in datasets.SVHN.split_list.values()
        ]

    def files(self, root: Path) -> dict[Path, str]:
        """The one file of the part."""
        _, name, checksum = datasets.SVHN.split_list[self.config.split]
        return {root / name: checksum}

    def open(self, root: Path, download: bool = False) -> tuple[NDArray[np.uint8], Any]:
        """Images (N, 32, 32, 3) and N labels; the label of a zero is 0."""
        found = datasets.SVHN(root, self.config.split, download=download)
        return np.ascontiguousarray(found.data.transpose(0, 2, 3, 1)), found.labels


class CIFAR10(TorchvisionSet):
    """60,000 photographs of ten kinds of things, 32x32 RGB: 50,000 for training, 10,000 for testing."""

    class Config(Settings):
        split: Literal["train", "test"] = Field("train", description="which of the published parts")

    source = "CIFAR-10 (Krizhevsky, 2009), https://www.cs.toronto.edu/~kriz/cifar.html"

    FOLDER = "cifar10"
    COUNTS: ClassVar = {"train": 50_000, "test": 10_000}
    ORIGIN = datasets.CIFAR10.url

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.part = config.split
        self.image = ImageSpec(3, 32, 32)

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the archive, which torchvision fetches and unpacks."""
        cifar = datasets.CIFAR10
        return [DataFile(f"{cls.FOLDER}/{cifar.filename}", cls.ORIGIN, "digits", cifar.url, f"md5:{cifar.tgz_md5}")]

    def files(self, root: Path) -> dict[Path, str]:
        """The batches of both parts, all of which torchvision checks, and the names of the classes."""
        cifar = datasets.CIFAR10
        published = [*cifar.train_list, *cifar.test_list, (cifar.meta["filename"], cifar.meta["md5"])]
        return {root / cifar.base_folder / name: checksum for name, checksum in published}

    def open(self, root: Path, download: bool = False) -> tuple[NDArray[np.uint8], Any]:
        """Images (N, 32, 32, 3) and N labels."""
        found = datasets.CIFAR10(root, train=self.config.split == "train", download=download)
        return np.ascontiguousarray(found.data), found.targets
