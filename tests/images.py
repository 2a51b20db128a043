"""Images of noise, as tensors and as a dataset, and the size of networks: what tests of models share."""

import torch
from torch import Tensor, nn

from harness import ImageSpec, Rng, Settings
from harness.dataset import Dataset


def batch(image: ImageSpec, n: int = 6) -> Tensor:
    """The same n images every time, uniform in [0, 1)."""
    return torch.rand(n, image.channels, image.height, image.width, generator=torch.Generator().manual_seed(0))


def size(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(p.numel() for p in network.parameters())


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
