"""CdSprites: a disc on a circle around the middle."""

from math import pi

import numpy as np
import torch

from harness import FactorGrid, GroundTruthDataset, ImageSpec, Settings
from harness.data import BitStore, StoredImages, pack


class CdSprites(GroundTruthDataset, StoredImages):
    """A white disc of radius 5 pixels on black, at 40 angles and 27 distances (0 to 26 pixels): 1,080 images.

    At angle t and distance r its centre is (32 + r cos t, 32 + r sin t), x to the right and y downwards; a
    pixel is 1 if its centre (its index plus a half) lies in the disc. At distance 0 all angles look alike.
    """

    source = "InfoGAN-CR (Lin et al., 2020, arXiv:1906.06034), its data set CdSprites; drawn by our own code"
    store = BitStore

    def __init__(self, config: Settings) -> None:
        super().__init__(config)
        self.image = ImageSpec(1, 64, 64)
        self.factors = FactorGrid(("angle", "radius"), (40, 27), (2 * pi * np.arange(40) / 40, np.arange(27)))

    def read(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """All images at 1 bit per pixel, (1080, 64, 8)."""
        angle, radius = torch.from_numpy(self.factors.real_values(np.arange(len(self)))).T[..., None, None]
        pixels = torch.arange(64) + 0.5
        # Rounded, because a disc at 90 degrees must not depend on the last digit of the cosine.
        x = pixels - (32 + radius * angle.cos()).round(decimals=9)
        y = pixels[:, None] - (32 + radius * angle.sin()).round(decimals=9)
        return pack((x**2 + y**2 <= 25).numpy().astype(np.uint8))
