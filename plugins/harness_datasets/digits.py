"""Real handwritten digits that need no download."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate, pad

from harness import Field, ImageSpec, Settings
from harness.data import StoredLabels


class Digits(StoredLabels):
    """1,797 handwritten digits, grey on black, enlarged from the 8x8 images that scikit-learn ships.

    The originals touch the upper and lower border. Each gets a black border of one pixel, so that strokes
    fade out before the edge of the image, and is then enlarged bicubically, which keeps more of the
    contrast than bilinear interpolation; overshoot is cut off at 0 and 1.
    """

    class Config(Settings):
        image_size: int = Field(32, ge=10, le=512, description="height and width, pixels")

    source = (
        "scikit-learn's load_digits: test set of Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, 1998)"
    )
    classes = 10

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(1, config.image_size, config.image_size)

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, 1), enlarged; also sets the labels."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        self.targets = digits.target.astype(np.int64)
        originals = pad(torch.from_numpy(digits.images).float().unsqueeze(1) / 16, (1, 1, 1, 1))
        enlarged = interpolate(originals, size=self.config.image_size, mode="bicubic").clamp(0, 1)
        pixels: NDArray[np.uint8] = (enlarged * 255).round().byte().permute(0, 2, 3, 1).numpy()
        return pixels

    @property
    def expected(self) -> int:
        """How many digits there are in all."""
        return 1797

    def __len__(self) -> int:
        return self.expected
