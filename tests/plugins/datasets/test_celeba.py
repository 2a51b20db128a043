"""CelebA: its archive, crops and download."""

import hashlib
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from images import picture, pixels
from PIL import Image

from harness.errors import UserError
from harness_datasets import celeba
from harness_datasets.celeba import CelebA
from harness_datasets.readers.resizing import sampled


class TestCelebA:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch):
        monkeypatch.setattr(CelebA, "COUNT", 3)

    @pytest.fixture
    def faces(self):
        return [picture(178, 218, seed, "jpg") for seed in range(3)]

    @pytest.fixture
    def archive(self, data, faces):
        (data / "celeba").mkdir()
        with zipfile.ZipFile(data / "celeba/img_align_celeba.zip", "w") as file:
            for number in (2, 0, 1):
                file.writestr(f"img_align_celeba/{number + 1:06}.jpg", faces[number])
        return data / "celeba/img_align_celeba.zip"

    def load(self, **config):
        made = CelebA(CelebA.Config(**config))
        made.load()
        return made

    @pytest.mark.parametrize(
        ("crop", "size", "box"),
        [
            ("infogan-cr", 32, (25, 45, 153, 173)),
            ("dcgan", 64, (35, 55, 143, 163)),
            # Rows 7 to 70 of 78 rows: 19.5 to 197.5 of 218.
            ("age", 64, (0, 19, 178, 197)),
        ],
    )
    def test_crops(self, crop, size, box, archive, faces):
        dataset = self.load(crop=crop, resize="antialiased")
        assert str(dataset.image) == f"3x{size}x{size}"
        assert len(dataset) == 3
        images = dataset.images(torch.arange(3))
        for image, face in zip(images, faces, strict=True):
            expected = torch.nn.functional.interpolate(pixels(face, *box)[None], size, mode="area")[0]
            assert (image - expected).abs().mean() < 0.01
        # A crop that is off by a few pixels would show.
        shifted = pixels(faces[0], *(side + 6 for side in box))
        assert (images[0] - torch.nn.functional.interpolate(shifted[None], size, mode="area")[0]).abs().mean() > 0.01

    def test_infogan_crs_authors_average_the_middle_of_every_4x4_pixels(self, archive, faces):
        whole = pixels(faces[0], 25, 45, 153, 173)
        expected = whole.view(3, 32, 4, 32, 4)[:, :, 1:3, :, 1:3].mean((2, 4))
        image = self.load().images(torch.tensor([0]))[0]
        assert (image - expected).abs().max() <= 0.5 / 255 + 1e-6
        assert not torch.equal(image, self.load(resize="antialiased").images(torch.tensor([0]))[0])

    def test_without_antialiasing_pixels_are_interpolated_as_torch_does(self):
        image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
        for size in (32, 48, 100, 160):
            tensor = torch.from_numpy(image).permute(2, 0, 1)[None].double()
            expected = torch.nn.functional.interpolate(tensor, size, mode="bilinear")[0].permute(1, 2, 0)
            assert np.abs(sampled(image, size) - expected.numpy()).max() <= 0.5 + 1e-6

    def test_ages_authors_take_rows_7_to_70_of_78_by_lanczos(self, archive, faces):
        with Image.open(BytesIO(faces[0])) as face:
            whole = np.array(face.resize((64, 78), Image.Resampling.LANCZOS))
        image = self.load(crop="age").images(torch.tensor([0]))[0]
        assert torch.allclose(image, torch.from_numpy(whole[7:71]).permute(2, 0, 1) / 255)

    def test_the_middle_of_the_age_crop(self):
        crop = celeba.CROPS["age"]
        assert crop.top == pytest.approx(19.47, abs=0.01)
        assert crop.top + crop.side < 218

    def test_the_unpacked_folder_gives_the_same(self, archive, data):
        images = self.load().images(torch.arange(3))
        zipfile.ZipFile(archive).extractall(data / "celeba")
        archive.unlink()
        assert torch.equal(self.load().images(torch.arange(3)), images)

    def test_another_resolution(self, archive):
        assert str(self.load(image_size=48).image) == "3x48x48"

    def test_the_contract_is_kept(self, archive, assert_keeps_contract):
        assert_keeps_contract(self.load())

    def test_missing(self, data):
        with pytest.raises(UserError, match=r"img_align_celeba\.zip: there is no such file.*mmlab.*--download"):
            self.load()

    @pytest.fixture
    def drive(self, archive, monkeypatch):
        """Google's drive has the archive; it is fetched through a stand-in for the package gdown."""
        content = archive.read_bytes()
        archive.unlink()
        asked = []

        def download(id, output, **options):
            asked.append(id)
            Path(output).write_bytes(content)

        monkeypatch.setitem(sys.modules, "gdown", SimpleNamespace(download=download))
        listed = [("the-id", hashlib.md5(content).hexdigest(), archive.name)]
        monkeypatch.setattr(torchvision.datasets.CelebA, "file_list", listed)
        monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
        return SimpleNamespace(asked=asked, listed=listed)

    def test_download(self, drive, archive):
        assert len(self.load()) == 3
        assert drive.asked == ["the-id"]
        self.load()
        celeba.fetch_archive(archive)
        assert len(drive.asked) == 1

    def test_a_download_with_a_wrong_checksum_is_not_kept(self, drive, archive):
        drive.listed[0] = ("the-id", "0" * 32, archive.name)
        with pytest.raises(UserError, match=r"img_align_celeba\.zip: cannot be fetched .*corrupted"):
            self.load()
        assert [path.name for path in archive.parent.iterdir() if not path.name.endswith(".lock")] == []

    def test_downloading_needs_a_package(self, drive, archive, monkeypatch):
        monkeypatch.setitem(sys.modules, "gdown", None)
        with pytest.raises(UserError, match="'gdown' is required"):
            self.load()

    def test_web_page(self, archive, html):
        archive.write_bytes(html)
        with pytest.raises(UserError, match=r"img_align_celeba\.zip: expected a zip archive .*web page"):
            self.load()

    def test_truncated(self, archive):
        archive.write_bytes(archive.read_bytes()[:-50])
        with pytest.raises(UserError, match=r"img_align_celeba\.zip: expected a zip archive"):
            self.load()

    def test_count(self, archive, monkeypatch):
        monkeypatch.setattr(CelebA, "COUNT", 4)
        with pytest.raises(UserError, match=r"has 3 \.jpg files, expected 4"):
            self.load()

    def test_size(self, archive):
        with zipfile.ZipFile(archive, "w") as file:
            for number in range(3):
                file.writestr(f"img_align_celeba/{number}.jpg", picture(100, 100, suffix="jpg"))
        with pytest.raises(UserError, match=r"0\.jpg: .*it has 100 x 100 pixels, expected 178 x 218"):
            self.load()
