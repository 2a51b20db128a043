"""Isaac3D as its authors publish it."""

from typing import ClassVar, Literal

import numpy as np

from harness import FactorGrid, Field, Settings
from harness_datasets.readers.numbered_pictures import NumberedPictures


class Isaac3D(NumberedPictures):
    """737,280 renderings of a robot arm in a kitchen with nine factors, RGB; 9.1 GB in memory at 64x64.

    Published as archives of numbered pictures, 13 GB (190 GB of the large ones), which --download --trust fetches and
    unpacks; or their folder Isaac3D_down128 (or Isaac3D) is put into isaac3d below the data root. The
    page that describes the numbers lists the factors in another order than its strides do; this is the order of the
    strides and of the authors' program.
    """

    class Config(Settings):
        original: Literal[128, 512] = Field(128, description="which published pictures to read, by height and width")
        image_size: int = Field(64, ge=8, le=512, description="height and width that they are resized to, pixels")

    source = "Isaac3D (Nie et al., 2020, arXiv:2003.03461), https://github.com/NVlabs/High-res-disentanglement-datasets"

    ARCHIVE = "Isaac3D"
    ORIGINALS: ClassVar = {128: "1OmQ1G2wnm6eTsSFGTKFZZAh5D3nQTW1B", 512: "1vFkgK4CpHpCOBOU7l07yocrqAqr2uDox"}
    SIZES: ClassVar[tuple[int, ...]] = (3, 8, 5, 4, 4, 4, 6, 4, 4)
    FACTORS: ClassVar = (
        *("object_shape", "robot_x", "robot_y", "camera_height", "object_scale"),
        *("lighting_intensity", "lighting_y", "object_color", "wall_color"),
    )
    UNORDERED: ClassVar = ("object_shape", "object_color", "wall_color")

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.original, config.image_size)
        values = [np.linspace(0, 1, size) for size in self.SIZES]
        self.factors = FactorGrid(self.FACTORS, self.SIZES, values, [name in self.UNORDERED for name in self.FACTORS])
