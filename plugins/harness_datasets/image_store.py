"""Images that lie ready on the device: gathered by index, so that training never waits for data."""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding

from harness.dataset import Dataset


class ImageStore:
    """N images kept as bytes, (N, H, W, C), on a device.

    Images that would fill more than half of a GPU's free memory stay in the host's memory (or
    memory-mapped on its disk) and are brought over batch by batch.

    Attributes:
        device: where `gather` takes indices and gives images.
    """

    def __init__(self, images: NDArray[np.uint8] | Tensor, device: torch.device) -> None:
        self.device = device
        self._images = torch.as_tensor(images)
        if _fits(self._images.nbytes, device):
            self._images = self._images.to(device)

    def __len__(self) -> int:
        return len(self._images)

    def gather(self, indices: Tensor) -> Tensor:
        """Images (N, C, H, W), float32 in [0, 1], channels last in memory, at int64 indices (N,)."""
        return self._rows(indices).permute(0, 3, 1, 2).float().div_(255)

    def _rows(self, indices: Tensor) -> Tensor:
        return self._images[indices.to(self._images.device)].to(self.device)


class BitStore(ImageStore):
    """N images of pixels 0 and 1 and one channel, kept 8 pixels to a byte, (N, H, W / 8); see `pack`."""

    _PIXELS_OF_BYTE = (torch.arange(256)[:, None] >> torch.arange(8) & 1).float()

    def __init__(self, images: NDArray[np.uint8] | Tensor, device: torch.device) -> None:
        super().__init__(images, device)
        self._pixels_of_byte = self._PIXELS_OF_BYTE.to(device)

    def gather(self, indices: Tensor) -> Tensor:
        """Images (N, 1, H, W), float32, each pixel 0 or 1, at int64 indices (N,)."""
        return embedding(self._rows(indices).int(), self._pixels_of_byte).flatten(2).unsqueeze(1)


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

    def __len__(self) -> int:
        return len(self._store)

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, C, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        return self._store.gather(indices)
