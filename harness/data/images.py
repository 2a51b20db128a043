"""Images that lie ready on the device: gathered by index, so that training never waits for data."""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.config import Settings
from harness.dataset import Dataset, GroundTruthDataset, LabelledDataset
from harness.model import ImageSpec


class ImageStore:
    """N images kept as bytes, (N, H, W, C), on a device.

    Images that would fill more than half of a GPU's free memory stay in the host's memory (or
    memory-mapped on its disk) and are brought over batch by batch.

    Attributes:
        device: where indices are taken and images are given.
    """

    def __init__(self, images: NDArray[np.uint8] | Tensor, device: torch.device) -> None:
        self.device = device
        self._images = torch.as_tensor(images)
        if _fits(self._images.nbytes, device):
            self._images = self._images.to(device)

    def __len__(self) -> int:
        return len(self._images)

    @staticmethod
    def bytes_of(image: ImageSpec) -> int:
        """What one image takes."""
        return image.channels * image.height * image.width

    def gather(self, indices: Tensor) -> Tensor:
        """Images (N, C, H, W), float32 in [0, 1], channels last in memory, at int64 indices (N,)."""
        return to_float(self.rows(indices))

    def rows(self, indices: Tensor) -> Tensor:
        """The same as bytes (N, H, W, C), a copy."""
        return self._images.index_select(0, indices.to(self._images.device)).to(self.device)


class BitStore(ImageStore):
    """N images of pixels 0 and 1, kept 8 pixels to a byte, (N, H, W / 8); see `pack`.

    They are given as grey images, or with `channels` = 3 as RGB ones of three equal channels.
    """

    def __init__(self, images: NDArray[np.uint8] | Tensor, device: torch.device, channels: int = 1) -> None:
        super().__init__(images, device)
        self._channels = channels
        self._ones, self._bytes = (_unpacking(one, channels).to(device) for one in (1, 255))

    @staticmethod
    def bytes_of(image: ImageSpec) -> int:
        """What one image takes."""
        return image.height * image.width // 8

    def gather(self, indices: Tensor) -> Tensor:
        """Images (N, C, H, W), float32, each pixel 0 or 1, channels last in memory, at int64 indices (N,)."""
        return self._unpacked(indices, self._ones).permute(0, 3, 1, 2).float()

    def rows(self, indices: Tensor) -> Tensor:
        """The same as bytes 0 and 255, (N, H, W, C)."""
        return self._unpacked(indices, self._bytes)

    def _unpacked(self, indices: Tensor, table: Tensor) -> Tensor:
        packed = super().rows(indices)
        pixels = table.index_select(0, packed.flatten().int())
        return pixels.view(torch.uint8).view(*packed.shape[:2], -1, self._channels)


def _unpacking(one: int, channels: int) -> Tensor:
    """The 8 pixels of each byte, 0 or `one` in every channel.

    As words of eight bytes, int64 (256,) or (256, channels): copying words is several times as fast as copying bytes.
    """
    pixels = (torch.arange(256)[:, None] >> torch.arange(8) & 1) * one
    words = pixels.repeat_interleave(channels, dim=1).byte().view(torch.int64)
    return words[:, 0].contiguous() if channels == 1 else words


def to_float(images: Tensor) -> Tensor:
    """Bytes (N, H, W, C) as images (N, C, H, W), float32 in [0, 1], channels last in memory.

    Each byte is multiplied by 1/255 rather than divided by 255, which takes half the time: 0 gives 0, 255 gives 1, and
    others may differ from the quotient in the last bit.
    """
    return images.permute(0, 3, 1, 2).float().mul_(1 / 255)


def pack(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images (N, H, W) of pixels 0 and 1 for a `BitStore`: the first of 8 pixels in the lowest bit."""
    return np.packbits(images, axis=-1, bitorder="little")


def _fits(size: int, device: torch.device) -> bool:
    return device.type != "cuda" or size <= torch.cuda.mem_get_info(device)[0] // 2


class StoredImages(Dataset):
    """A dataset that is read once and kept on the device; a subclass says in `read` what is read.

    Beside `GroundTruthDataset` or `LabelledDataset` this class comes second, so that the number of images
    of a grid is known before it is read.
    """

    store: ClassVar[type[ImageStore]] = ImageStore
    """How the images are kept."""

    def __init__(self, config: Settings) -> None:
        super().__init__(config)
        self._store: ImageStore | None = None

    def load(self, device: torch.device | str = "cpu") -> None:
        """Read the files, from the decoded copy where there is one, and keep the images on the device.

        Raises:
            UserError: the files are missing or broken; the message says how to get them.
        """
        super().load(device)
        self._store = self.store(self.read(), self.device)

    def read(self) -> NDArray[np.uint8]:
        """All images in the form that `store` takes.

        Raises:
            UserError: the files are missing or broken.
        """
        raise NotImplementedError(f"{type(self).__name__} must read its images")

    @property
    def stored(self) -> ImageStore:
        """The images, after `load`."""
        if self._store is None:
            raise RuntimeError(f"{type(self).__name__} is not loaded")
        return self._store

    @property
    def expected(self) -> int | None:
        """Number of images to be kept, where it is known before they are read."""
        return len(self) if isinstance(self, GroundTruthDataset) else None

    def memory(self) -> int | None:
        """Bytes that the images take on the device; None where only the files tell and they are not read yet."""
        count = self.expected if self._store is None else len(self._store)
        return None if count is None else count * self.store.bytes_of(self.image)

    def __len__(self) -> int:
        return len(self.stored)

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, C, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        return self.stored.gather(indices)


class StoredLabels(LabelledDataset, StoredImages):
    """Images kept on the device with their labels; `read` also sets these."""

    targets: NDArray[np.int64]
    """(N,) classes, set by `read`."""

    def load(self, device: torch.device | str = "cpu") -> None:
        """Read images and labels and keep them on the device.

        Raises:
            UserError: the files are missing or broken; the message says how to get them.
        """
        super().load(device)
        self._labels = torch.from_numpy(self.targets).to(self.device)

    def labels(self, indices: Tensor) -> Tensor:
        """int64 (N,) class of each image at int64 indices (N,), both on `device`."""
        return self._labels[indices]
