"""MPI3D as its authors publish it."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from harness import FactorGrid, Field, GroundTruthDataset, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, StoredImages, decoded
from harness_datasets.readers.block_copy import ROWS, copy_blocks
from harness_datasets.readers.npz_files import NpzArray

Variant = Literal["toy", "realistic", "real", "complex"]

_PAGE = "https://github.com/rr-learning/disentanglement_dataset"
_CHECKSUMS = {
    "toy": "md5:55889cb7c7dfc655d6e0277beee88868",
    "realistic": "md5:59a6225b88b635365f70c91b3e52f70f",
    "real": "md5:0f33f609918fb5c97996692f91129802",
}


class MPI3D(GroundTruthDataset, StoredImages):
    """A robot arm that moves an object: simple renderings, realistic ones, or photographs; 64x64 RGB.

    There are two editions: 1,036,800 images with 6 colours and 6 shapes (12.7 GB in memory) and 460,800
    with 4 of each (5.7 GB). The factors of an image are known only by its place in the file, so the file
    must have the edition's number of images.
    """

    class Config(Settings):
        variant: Variant = Field("toy", description="which images; complex: photographs of everyday objects")
        edition: Literal["6x6", "4x4"] | None = Field(
            None, description="colours x shapes in the file; by default 4x4 for complex, which has no other, else 6x6"
        )

        @model_validator(mode="after")
        def _there_is_one(self) -> Self:
            if self.variant == "complex" and self.edition == "6x6":
                raise ValueError("the variant 'complex' has the edition '4x4' only")
            return self

    source = "MPI3D (Gondal et al., 2019, arXiv:1906.03292), https://github.com/rr-learning/disentanglement_dataset"

    SIZES: ClassVar = {"6x6": (6, 6, 2, 3, 3, 40, 40), "4x4": (4, 4, 2, 3, 3, 40, 40)}

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, 64, 64)
        self.edition = config.edition or ("4x4" if config.variant == "complex" else "6x6")
        self.factors = FactorGrid(
            names=(
                "object_color",
                "object_shape",
                "object_size",
                "camera_height",
                "background_color",
                "horizontal_axis",
                "vertical_axis",
            ),
            sizes=self.SIZES[self.edition],
            categorical=(True, True, False, False, True, False, False),
        )

    @property
    def file(self) -> DataFile:
        """The published file of the variant, and where it can be had."""
        return _file(self.config.variant)

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the file of each variant."""
        return [_file(variant) for variant in get_args(Variant)]

    def data_files(self) -> Sequence[Path]:
        """Find the published file, which holds the images; its factors are known."""
        return [self.file.find()]

    def read(self) -> NDArray[np.uint8]:
        """The images (N, 64, 64, 3), decompressed once."""
        path = self.file.find()

        def decode(arrays: DecodedArrays) -> None:
            array = NpzArray(path, "images")
            array.expect((None, 64, 64, 3), "uint8")
            self._check_edition(array.shape[0])
            target = arrays.create("images", array.shape)
            copy_blocks(array.blocks(ROWS), target, f"decompressing MPI3D ({self.config.variant})")

        return decoded("mpi3d", [len(self)], [path], decode)["images"]

    def _check_edition(self, found: int) -> None:
        counts = {edition: int(np.prod(sizes)) for edition, sizes in self.SIZES.items()}
        if found != len(self):
            other = [edition for edition, count in counts.items() if count == found]
            hint = f"; set dataset.edition = '{other[0]}'" if other else ""
            raise UserError(
                f"{self.file.place}: has {found} images, expected {len(self)} for edition '{self.edition}'{hint}"
            )


def _file(variant: Variant) -> DataFile:
    """The published file of a variant.

    Checksums are those of the first editions; their authors have since corrected the one of real photographs, and that
    of the complex objects was never published.
    """
    if variant == "complex":
        drive = "https://drive.usercontent.google.com/download?id=1Tp8eTdHxgUMtsZv5uAoYAbJR1BOa_OQm&export=download&confirm=t"
        return DataFile("mpi3d/mpi3d_real_complex.npz", _PAGE, "teapots", drive)
    name = f"mpi3d_{variant}.npz"
    return DataFile(
        f"mpi3d/{name}",
        _PAGE,
        "teapots",
        # The authors' place since 2024; the others were theirs before.
        f"https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main/{name}",
        _CHECKSUMS[variant],
        (
            f"https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/{name}",
            f"https://storage.googleapis.com/mpi3d_disentanglement_dataset/data/{variant}.npz",
        ),
    )
