"""CdSprites: a disc on a circle around the middle."""

from math import cos, pi, sin
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings
from harness.data import BitStore, StoredImages, pack

Pixels = NDArray[np.uint8]

SIDE, RADIUS = 64, 5


class CdSprites(GroundTruthDataset, StoredImages):
    """A white disc on black, at 40 angles and 27 distances (0 to 26 pixels): 1,080 images.

    At angle t and distance r its centre is (32 + r cos t, 32 + r sin t), x to the right and y downwards. At distance
    0 all angles look alike. The authors' discs are 11 or 12 pixels wide and lie at whole and half pixels, because
    Pillow's `ellipse` truncates the disc's box to whole pixels and fills both of its ends.
    """

    class Config(Settings):
        disc: Literal["authors", "exact"] = Field(
            "authors",
            description="authors: as their call of Pillow draws it; exact: the pixels whose centres lie in a disc of "
            "radius 5",
        )

    source = "InfoGAN-CR (Lin et al., 2020, arXiv:1906.06034), its data set CdSprites; drawn by our own code"
    store = BitStore

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(1, SIDE, SIDE)
        self.factors = FactorGrid(("angle", "radius"), (40, 27), (2 * pi * np.arange(40) / 40, np.arange(27)))

    def read(self) -> Pixels:
        """All images at 1 bit per pixel, (1080, 64, 8)."""
        angle, radius = self.factors.real_values(np.arange(len(self))).T
        if self.config.disc == "authors":
            return pack(np.stack(list(map(authors_disc, angle, radius))))
        # Rounded, because a disc at 90 degrees must not depend on the last digit of the cosine.
        x, y = ((SIDE / 2 + radius * part(angle)).round(decimals=9) for part in (np.cos, np.sin))
        return pack(exact_discs(x, y))


def authors_disc(angle: float, distance: float) -> Pixels:
    """A disc (64, 64) of pixels 0 and 1, as the authors draw it (CdSprites/generate_cdsprites.py).

    Where an end of the box falls on a whole number, the last digit decides: 17 discs are 12 pixels wide.
    """
    x, y = SIDE / 2 + distance * cos(angle), SIDE / 2 + distance * sin(angle)
    picture = Image.new("L", (SIDE, SIDE))
    box = [int(x - RADIUS), int(y - RADIUS), int(x + RADIUS), int(y + RADIUS)]
    ImageDraw.Draw(picture).ellipse(box, fill=1)
    return np.asarray(picture)


def exact_discs(x: NDArray[np.float64], y: NDArray[np.float64]) -> Pixels:
    """Discs (N, 64, 64) around centres (N,): a pixel is 1 if its centre, its index plus a half, lies in the disc."""
    pixels = np.arange(SIDE) + 0.5
    across, down = pixels - x[:, None, None], pixels[:, None] - y[:, None, None]
    return (across**2 + down**2 <= RADIUS**2).astype(np.uint8)
