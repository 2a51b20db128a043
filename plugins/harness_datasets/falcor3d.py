"""Falcor3D as its authors publish it."""

from typing import ClassVar, Literal

import numpy as np

from harness import FactorGrid, Field, Settings
from harness_datasets.readers.numbered_pictures import NumberedPictures


class Falcor3D(NumberedPictures):
    """233,280 renderings of a living room under 5 x 6 x 6 x 6 lights from 6 x 6 x 6 places, RGB.

    Published as archives of numbered pictures, 3.7 GB (98 GB of the large ones), which --download --trust fetches and
    unpacks; or their folder Falcor3D_down128 (or Falcor3D) is put into falcor3d below the data root. Levels have values
    from 0 to 1, as the authors' have.
    """

    class Config(Settings):
        original: Literal[128, 1024] = Field(128, description="which published pictures to read, by height and width")
        image_size: int = Field(64, ge=8, le=1024, description="height and width that they are resized to, pixels")

    source = (
        "Falcor3D (Nie et al., 2020, arXiv:2003.03461), https://github.com/NVlabs/High-res-disentanglement-datasets"
    )

    ARCHIVE = "Falcor3D"
    ORIGINALS: ClassVar = {128: "1XAQfFK1x6cpN1eiovbP0hVfLTm5SsSoJ", 1024: "15njKf7WsBYoFVoLDGyXe4na3MYnTYXOF"}
    SIZES: ClassVar[tuple[int, ...]] = (5, 6, 6, 6, 6, 6, 6)
    FACTORS: ClassVar = (
        *("lighting_intensity", "lighting_x", "lighting_y", "lighting_z"),
        *("camera_x", "camera_y", "camera_z"),
    )

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.original, config.image_size)
        self.factors = FactorGrid(self.FACTORS, self.SIZES, [np.linspace(0, 1, size) for size in self.SIZES])
