"""CelebA, in the crops of the papers that train on it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

from harness import Field, ImageSpec, Settings, UserError
from harness.data import DataFile, DecodedArrays, StoredImages, decoded, locked, may_download, missing, wrong_format
from harness_datasets.readers.picture_files import contents, decode_pictures
from harness_datasets.readers.resizing import sampled, to_picture, to_pixels

Resize = Literal["authors", "antialiased"]


@dataclass(frozen=True)
class Crop:
    """A part of the aligned pictures, which are 178 wide and 218 high.

    Attributes:
        left: first column.
        top: first row.
        side: width and height, pixels of the original.
        size: the published resolution it is resized to.
        authors: makes a picture the published image, or None where that is `antialiased`.
    """

    left: float
    top: float
    side: float
    size: int
    authors: Callable[[Image.Image, int], Image.Image] | None = None

    def take(self, picture: Image.Image, size: int, resize: Resize = "antialiased") -> Image.Image:
        """The part at size x size."""
        return self.authors(picture, size) if self.authors and resize == "authors" else self.antialiased(picture, size)

    def antialiased(self, picture: Image.Image, size: int) -> Image.Image:
        """The part at size x size, bilinear with antialiasing."""
        box = (self.left, self.top, self.left + self.side, self.top + self.side)
        return picture.resize((size, size), Resampling.BILINEAR, box=box)


def _without_antialiasing(picture: Image.Image, size: int) -> Image.Image:
    """The central 128x128 as InfoGAN-CR's authors resize it, by OpenCV's `resize` (CelebA/process_celeba.py)."""
    return to_picture(sampled(to_pixels(picture.crop((25, 45, 153, 173))), size))


def _middle_rows(picture: Image.Image, size: int) -> Image.Image:
    """The whole picture by Lanczos and then its middle rows, as AGE's authors do (src/utils.py): 7 to 70 of 78."""
    height = size * picture.height // picture.width
    top = round((height - size) / 2)
    return picture.resize((size, height), Resampling.LANCZOS).crop((0, top, size, top + size))


CROPS = {
    # The central 128x128.
    "infogan-cr": Crop(25, 45, 128, 32, _without_antialiasing),
    # The picture at 64x78, of which rows 7 to 70 are kept; in pixels of the original.
    "age": Crop(0, 7 * 178 / 64, 178, 64, _middle_rows),
    # The central 108x108 that is customary for DCGANs.
    "dcgan": Crop(35, 55, 108, 64),
}


class CelebA(StoredImages):
    """202,599 aligned pictures of celebrities, RGB, all of them (training, validation and test)."""

    class Config(Settings):
        crop: Literal["infogan-cr", "age", "dcgan"] = Field(
            "infogan-cr",
            description="infogan-cr: central 128x128, published at 32x32; age: full width, at 64x64; "
            "dcgan: central 108x108, at 64x64",
        )
        resize: Resize = Field(
            "authors",
            description="authors: as the code of the crop's authors does, which for infogan-cr is without antialiasing "
            "and for age by Lanczos; antialiased: bilinear with antialiasing",
        )
        image_size: int | None = Field(
            None, ge=8, le=178, description="height and width, pixels; by default the crop's published one"
        )

    source = (
        "CelebA (Liu, Luo, Wang & Tang, 2015), aligned and cropped, https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
    )

    COUNT: ClassVar = 202_599
    ORIGIN: ClassVar = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (img_align_celeba.zip)"
    FOLDER: ClassVar = DataFile("celeba/img_align_celeba", ORIGIN, "digits")
    ARCHIVE: ClassVar = DataFile("celeba/img_align_celeba.zip", ORIGIN, "digits")

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.size = config.image_size or CROPS[config.crop].size
        self.image = ImageSpec(3, self.size, self.size)

    @property
    def expected(self) -> int:
        """How many pictures there are in all."""
        return self.COUNT

    @classmethod
    def published_files(cls) -> Sequence[DataFile]:
        """Name the archive, which torchvision fetches from Google Drive."""
        from torchvision.datasets import CelebA as Published

        name = cls.ARCHIVE.place.name
        number, md5 = next((number, md5) for number, md5, other in Published.file_list if other == name)
        drive = f"https://drive.usercontent.google.com/download?id={number}&export=download&confirm=t"
        return [replace(cls.ARCHIVE, url=drive, checksum=f"md5:{md5}")]

    def data_files(self) -> Sequence[Path]:
        """The archive, or the pictures that it unpacks to."""
        path = self._find()
        return sorted(path.glob("*.jpg")) if path.is_dir() else [path]

    def read(self) -> NDArray[np.uint8]:
        """The images (N, H, W, 3), decoded once from the archive or from the folder that it unpacks to."""
        path = self._find()
        crop = CROPS[self.config.crop]

        def prepare(picture: Image.Image) -> Image.Image:
            if picture.size != (178, 218):
                raise ValueError(f"it has {picture.width} x {picture.height} pixels, expected 178 x 218")
            return crop.take(picture, self.size, self.config.resize)

        def decode(arrays: DecodedArrays) -> None:
            target = arrays.create("images", (self.COUNT, self.size, self.size, 3))
            decode_pictures(self._pictures(path), target, prepare, "RGB", "decoding CelebA")

        return decoded("celeba", [self.config.crop, self.config.resize, self.size], [path], decode)["images"]

    def _find(self) -> Path:
        """The archive or the folder; the archive is fetched if both are missing and fetching is allowed."""
        for found in (self.FOLDER, self.ARCHIVE):
            if found.exists():
                return found.place
        if not may_download():
            raise missing(self.ARCHIVE.place, f"{self.ORIGIN}, or run again with --download", "digits")
        fetch_archive(self.ARCHIVE.place)
        return self.ARCHIVE.place

    def _pictures(self, path: Path) -> Iterator[tuple[str, bytes]]:
        if path.is_dir():
            files = sorted(path.glob("*.jpg"))
            self._check_count(path, len(files))
            yield from contents(files)
            return
        try:
            with ZipFile(path) as archive:
                names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
                self._check_count(path, len(names))
                for name in names:
                    yield f"{path}/{name}", archive.read(name)
        except BadZipFile:
            raise wrong_format(path, "a zip archive of pictures") from None

    def _check_count(self, path: Path, found: int) -> None:
        if found != self.COUNT:
            raise UserError(f"{path}: has {found} .jpg files, expected {self.COUNT}")


def fetch_archive(path: Path) -> None:
    """Fetch the published archive as torchvision does, and keep it only with its published checksum.

    Raises:
        UserError: it cannot be fetched.
    """
    from torchvision.datasets import CelebA as Published
    from torchvision.datasets.utils import download_file_from_google_drive

    number, checksum = next((number, md5) for number, md5, name in Published.file_list if name == path.name)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with locked(path.with_name(f".{path.name}.lock")):
            if path.exists():
                return
            partial.unlink(missing_ok=True)
            download_file_from_google_drive(number, path.parent, partial.name, checksum)
            partial.rename(path)
    # torchvision and the package gdown, which it needs for this, raise whatever they meet.
    except Exception as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be fetched from {CelebA.ORIGIN}: {error}") from None
