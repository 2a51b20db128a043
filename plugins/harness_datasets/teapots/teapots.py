"""3D Teapots, drawn instead of downloaded."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import model_validator

from harness import Field, ImageSpec, Settings, numpy_rng
from harness.data import DecodedArrays, decoded, progress
from harness_datasets.teapots.images import GAP_MEANING, NAMES, Gap, TeapotImages, check_gap
from harness_datasets.teapots.scene import SCENES, SOURCE, centred_teapot, draw, shade

VIEWS_ON_CPU, VIEWS_ON_GPU = 8, 256
"""Views drawn at once: on a CPU as many as its cache holds."""

DRAWING = 1
"""To be raised whenever the same values give other images, so that kept ones are drawn anew."""


class Teapots(TeapotImages):
    """The Utah teapot on white, RGB with antialiasing, at random values of continuous factors.

    The three variants of InfoGAN-CR's authors:

    - colors, the factors of Eastwood & Williams: azimuth of the teapot (0 to 2 pi), elevation of the
      camera (0 to pi/2), red, green and blue (0 to 1). The light comes from above the teapot.
    - rotation: fixed colour and any rotation: seen from a uniform direction (polar, azimuth), then turned
      in the plane of the image (angle). The light comes from above the image.
    - light: as rotation, and the light comes from a uniform direction (light_azimuth, 0 from the camera, and
      light_elevation).

    By default 200,000 images to train on and 500 metric groups of 100 images (300 for rotation), group g sharing one
    value of factor g mod F: 3.1 GB, drawn once and kept below the data root, which takes minutes on a CPU. Metrics that
    need classes get 20 intervals of each factor. `teapots-grid` is quicker to have, and lets every metric share exact
    values.
    """

    class Config(Settings):
        variant: Literal["colors", "rotation", "light"] = Field("colors", description="which factors vary")
        image_size: int = Field(64, ge=16, le=256, description="height and width, pixels")
        images: int = Field(200_000, ge=1, le=10_000_000, description="images at random values")
        groups: int | None = Field(
            None, ge=0, le=100_000, description="metric groups of 100 images; by default 500, or 300 for rotation"
        )
        gap: Gap = Field("keep", description=f"{GAP_MEANING}; of the variant colors")
        seed: int = Field(0, ge=0, description="which random values")

        @model_validator(mode="after")
        def _gap_of_colours(self) -> Self:
            check_gap(self.gap, self.variant)
            return self

    source = SOURCE

    SMALL: ClassVar[Mapping[str, int]] = MappingProxyType({"image_size": 32, "images": 5_000, "groups": 50})
    """Settings of a small set, drawn in a few seconds."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, config.image_size, config.image_size)
        self._scene = SCENES[config.variant]
        names = NAMES[config.variant]
        count = (300 if config.variant == "rotation" else 500) if config.groups is None else config.groups
        self._labels = np.arange(count) % len(names)
        self.describe(names, self._draw_values()[: config.images], config.gap, slice(None))
        self.set_groups(self._labels, self.GROUP_SIZE)

    @property
    def expected(self) -> int:
        """How many images there are in all: those to train on, and those of the metric groups."""
        return self.config.images + len(self._labels) * self.GROUP_SIZE

    def read(self) -> NDArray[np.uint8]:
        """All images (N, H, W, 3), drawn once."""
        config = self.config
        recipe = [DRAWING, config.variant, config.image_size, config.images, len(self._labels), config.seed]
        return decoded("teapots", recipe, [], self._draw)["images"]

    def _draw_values(self) -> NDArray[np.float64]:
        """The factors of all images (N, F), those of groups last."""
        rng = numpy_rng("teapots", self.config.variant, self.config.seed)
        factors = tuple(self._scene.factors.values())
        alone = rng.random((self.config.images, len(factors)))
        groups = rng.random((len(self._labels), self.GROUP_SIZE, len(factors)))
        number = np.arange(len(self._labels))
        groups[number, :, self._labels] = groups[number, :1, self._labels]
        shares = np.concatenate([alone, groups.reshape(-1, len(factors))])
        return np.stack([value(share) for value, share in zip(factors, shares.T, strict=True)], axis=1)

    def _draw(self, arrays: DecodedArrays) -> None:
        size, mesh = self.config.image_size, centred_teapot(self.device)
        at_once = VIEWS_ON_CPU if self.device.type == "cpu" else VIEWS_ON_GPU
        values = self._draw_values()
        target = arrays.create("images", (len(values), size, size, 3))
        for start in progress(range(0, len(values), at_once), "drawing teapots"):
            part = torch.from_numpy(values[start : start + at_once]).float().to(self.device)
            images = shade(self._scene, draw(self._scene, mesh, part, size), part)
            target[start : start + at_once] = (images * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
