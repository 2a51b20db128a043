"""Images of noise, as tensors and as a dataset, files of pictures, and the size of networks."""

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from harness import ImageSpec, Rng, Settings
from harness.dataset import Dataset


def batch(image: ImageSpec, n: int = 6) -> Tensor:
    """The same n images every time, uniform in [0, 1)."""
    return torch.rand(n, image.channels, image.height, image.width, generator=torch.Generator().manual_seed(0))


def size(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(p.numel() for p in network.parameters())


def picture(width: int, height: int, seed: int = 0, suffix: str = "png", mode: str = "RGB") -> bytes:
    """The file of a smooth picture, compressed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).convert(mode)
    file = BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(file, suffix.replace("jpg", "jpeg"))
    return file.getvalue()


def pixels(data: bytes, *box: int) -> Tensor:
    """The box (left, top, right, bottom) of a picture, float32 (3, H, W) in [0, 1]."""
    with Image.open(BytesIO(data)) as opened:
        return torch.from_numpy(np.array(opened.convert("RGB").crop(box))).permute(2, 0, 1) / 255


class Noise(Dataset):
    """Images of noise, loaded on a device."""

    def __init__(self, image: ImageSpec, count: int = 20, device: str = "cpu") -> None:
        super().__init__(Settings())
        self.image = image
        self.load(device)
        self._all = Rng(0).uniform(count, image.channels, image.height, image.width).to(device)

    def __len__(self) -> int:
        return len(self._all)

    def images(self, indices: Tensor) -> Tensor:
        """Those at `indices`."""
        return self._all[indices]
