"""Real handwritten digits that need no download."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from harness.config import Field, Settings
from harness.dataset import LabelledDataset
from harness.model import ImageSpec


class Digits(LabelledDataset):
    """1,797 handwritten digits, grey on black, enlarged from the 8x8 images that scikit-learn ships.

    The originals touch the upper and lower border. Each gets a black border of one pixel, so that strokes
    fade out before the edge of the image, and is then enlarged bicubically, which keeps more of the
    contrast than bilinear interpolation; overshoot is cut off at 0 and 1.
    """

    class Config(Settings):
        """The resolution."""

        image_size: int = Field(32, ge=10, le=512, description="height and width, pixels")

    source = (
        "scikit-learn's load_digits: test set of Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, 1998)"
    )
    classes = 10

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(1, config.image_size, config.image_size)

    def load(self, device: torch.device | str = "cpu") -> None:
        """Enlarge the digits and keep them on the device: 7.4 MB at 32x32."""
        from sklearn.datasets import load_digits

        super().load(device)
        digits = load_digits()
        originals = pad(torch.from_numpy(digits.images).float().unsqueeze(1) / 16, (1, 1, 1, 1))
        enlarged = interpolate(originals, size=self.config.image_size, mode="bicubic").clamp(0, 1)
        self._images = enlarged.to(self.device)
        self._labels = torch.from_numpy(digits.target).long().to(self.device)

    def __len__(self) -> int:
        return 1797

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 1, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        return self._images[indices]

    def labels(self, indices: Tensor) -> Tensor:
        """int64 (N,), the digit that each image shows, at int64 indices (N,), both on `device`."""
        return self._labels[indices]
