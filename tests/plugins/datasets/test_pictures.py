"""Datasets of compressed pictures: any folder, CelebA and LSUN."""

import hashlib
import sys
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import lmdb
import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from harness.errors import UserError
from harness_datasets import celeba
from harness_datasets.celeba import CelebA
from harness_datasets.folder import Folder
from harness_datasets.lsun import LSUNBedroom
from harness_datasets.readers.resizing import sampled


def picture(width, height, seed=0, suffix="png", mode="RGB"):
    """A smooth picture, compressed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).convert(mode)
    file = BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(file, suffix.replace("jpg", "jpeg"))
    return file.getvalue()


def pixels(data, *box):
    """The box (left, top, right, bottom) of a picture, float32 (3, H, W) in [0, 1]."""
    with Image.open(BytesIO(data)) as opened:
        return torch.from_numpy(np.array(opened.convert("RGB").crop(box))).permute(2, 0, 1) / 255


class TestFolder:
    @pytest.fixture
    def write(self, data):
        def written(name, content):
            path = data / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        return written

    def load(self, **config):
        made = Folder(Folder.Config(**config))
        made.load()
        return made

    def test_the_contract_is_kept(self, write, assert_keeps_contract):
        for seed in range(3):
            write(f"{seed}.png", picture(20, 16, seed))
        assert_keeps_contract(self.load(image_size=16))

    def test_every_picture_in_the_order_of_paths(self, write):
        sizes = {"b/2.png": (24, 16), "a.jpg": (16, 16), "b/1.png": (16, 40)}
        contents = {name: picture(*size, seed, name[-3:]) for seed, (name, size) in enumerate(sizes.items())}
        for name, content in contents.items():
            write(name, content)
        write("notes.txt", b"no picture")
        dataset = self.load(image_size=16)
        assert len(dataset) == 3
        assert str(dataset.image) == "3x16x16"
        images = dataset.images(torch.arange(3))
        assert torch.allclose(images[0], pixels(contents["a.jpg"], 0, 0, 16, 16))
        assert torch.allclose(images[1], pixels(contents["b/1.png"], 0, 12, 16, 28))
        assert torch.allclose(images[2], pixels(contents["b/2.png"], 4, 0, 20, 16))

    @pytest.mark.parametrize("mode", ["L", "P", "RGBA", "RGB"])
    def test_modes(self, mode, write):
        write("a.png", picture(20, 20, mode=mode))
        assert self.load(image_size=8).images(torch.tensor([0])).shape == (1, 3, 8, 8)
        assert self.load(image_size=8, channels=1).images(torch.tensor([0])).shape == (1, 1, 8, 8)

    def test_a_new_picture_is_noticed(self, write):
        write("a.png", picture(20, 20))
        assert len(self.load()) == 1
        write("b.png", picture(20, 20, 1))
        assert len(self.load()) == 2

    def test_an_absolute_path(self, write, data):
        write("a.png", picture(20, 20))
        assert len(self.load(path=str(data / "pictures"))) == 1

    def test_no_pictures(self, write, data):
        write("notes.txt", b"no picture")
        with pytest.raises(UserError, match=r"pictures: has no pictures \(.*\.bmp, .*\.png, "):
            self.load()

    def test_16_bits_and_transparency(self, write):
        ramp = Image.fromarray(np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16))
        for name, form in {"a.png": "PNG", "b.tif": "TIFF", "c.pgm": "PPM"}.items():
            file = BytesIO()
            ramp.save(file, form)
            write(name, file.getvalue())
        images = self.load(image_size=16, channels=1).images(torch.arange(3))
        assert images.mean().item() == pytest.approx(0.5, abs=1e-3)
        assert all(len(image.unique()) == 256 for image in images)
        hidden = BytesIO()
        Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(hidden, "PNG")
        write("a.png", hidden.getvalue())
        assert (self.load(image_size=16).images(torch.tensor([0])) == 1).all()
        assert (self.load(image_size=16, background="black").images(torch.tensor([0])) == 0).all()

    def test_a_picture_of_numbers_without_a_range_is_named(self, write):
        file = BytesIO()
        Image.fromarray(np.ones((8, 8), dtype=np.float32)).save(file, "TIFF")
        write("a.tif", file.getvalue())
        with pytest.raises(UserError, match=r"pictures/a\.tif: .*save it with 8 or 16"):
            self.load()

    @pytest.mark.parametrize(
        ("suffix", "form"),
        [("avif", "AVIF"), ("jfif", "JPEG"), ("jpe", "JPEG"), ("jp2", "JPEG2000"), ("JPG", "JPEG"), ("tga", "TGA")],
    )
    def test_formats_of_pictures_are_known_by_all_their_suffixes(self, suffix, form, write):
        file = BytesIO()
        Image.new("RGB", (16, 16), (255, 255, 255)).save(file, form)
        write(f"a.{suffix}", file.getvalue())
        assert self.load(image_size=16).images(torch.tensor([0])).mean() > 0.99

    def test_a_format_for_which_pillow_runs_another_program_is_refused(self, write):
        write("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n%%EOF\n")
        with pytest.raises(UserError, match=r"a\.png: cannot be read as a picture"):
            self.load()

    def test_hidden_files_and_folders_are_left_out(self, write):
        for name in ("a.png", ".b.png", "._a.png", ".thumbnails/a.png"):
            write(name, picture(20, 20))
        assert len(self.load()) == 1

    def test_linked_folders_and_files_are_followed_and_each_folder_once(self, write, data):
        write("a.png", picture(20, 20))
        write("../elsewhere/b.png", picture(20, 20, 1))
        write("../c.png", picture(20, 20, 2))
        (data / "pictures/linked").symlink_to(data / "elsewhere")
        (data / "pictures/again").symlink_to(data / "elsewhere")
        (data / "pictures/c.png").symlink_to(data / "c.png")
        (data / "elsewhere/loop").symlink_to(data / "pictures")
        (data / "pictures/broken.png").symlink_to(data / "nowhere.png")
        assert len(self.load()) == 3

    def test_what_is_left_out_is_said(self, write, caplog):
        for name in ("a.png", "b/notes.txt", "c.heic"):
            write(name, picture(20, 20))
        self.load()
        assert "left out 2 of its files, which are no pictures: b/notes.txt, c.heic" in caplog.text

    def test_exif_orientation(self, write):
        exif = Image.Exif()
        exif[274] = 6  # To be seen after a quarter turn to the right.
        file = BytesIO()
        Image.fromarray(np.repeat(np.uint8([[255], [0]]), 16, axis=1).repeat(8, axis=0)).save(file, "PNG", exif=exif)
        write("a.png", file.getvalue())
        image = self.load(image_size=16, channels=1).images(torch.tensor([0]))[0, 0]
        assert image[:, 0].max() == 0
        assert image[:, -1].min() == 1

    @pytest.mark.parametrize("side", [10_000, 20_000])
    def test_a_picture_of_too_many_pixels_is_named_before_it_is_decoded(self, side, write):
        write("a.png", picture(20, 20))
        header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + side.to_bytes(4) * 2 + b"\x08\0\0\0\0"
        write("b.png", header + zlib.crc32(header[12:]).to_bytes(4) + b"\0\0\0\x0aIDAT" + bytes(10))
        with pytest.raises(UserError, match=r"pictures/b\.png: is larger than 89,478,485 pixels; make it smaller"):
            self.load()

    def test_no_folder(self, data):
        with pytest.raises(
            UserError, match=r"data/pictures: there is no such file or folder.*'digits', which needs no files"
        ):
            self.load()

    @pytest.mark.parametrize("content", [b"", b"<html>", picture(64, 64)[:200], picture(64, 64, suffix="jpg")[:300]])
    def test_a_damaged_picture_is_named(self, content, write, data):
        write("a.png", picture(20, 20))
        write("b.png", content)
        with pytest.raises(UserError, match=r"pictures/b\.png: cannot be read as a picture"):
            self.load()
        assert not list(data.glob("cache/*/*.npy"))


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


class TestLSUN:
    def write(self, folder, pictures):
        with lmdb.open(str(folder), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
            for key, content in pictures.items():
                transaction.put(key, content)

    @pytest.fixture
    def folder(self, data):
        (data / "lsun").mkdir()
        return data / "lsun/bedroom_train_lmdb"

    def load(self, **config):
        made = LSUNBedroom(LSUNBedroom.Config(**config))
        made.load()
        return made

    def test_the_contract_is_kept(self, folder, assert_keeps_contract):
        self.write(folder, {b"a": picture(32, 24, 0, "webp"), b"b": picture(24, 40, 1, "webp")})
        assert_keeps_contract(self.load(image_size=24))

    def test_pictures_in_the_order_of_keys(self, folder):
        contents = {b"bb": picture(32, 24, 0, "webp"), b"aa": picture(24, 40, 1, "webp")}
        self.write(folder, contents)
        dataset = self.load(image_size=24)
        assert len(dataset) == 2
        images = dataset.images(torch.arange(2))
        assert torch.allclose(images[0], pixels(contents[b"aa"], 0, 8, 24, 32))
        assert torch.allclose(images[1], pixels(contents[b"bb"], 4, 0, 28, 24))

    def test_missing(self, data):
        with pytest.raises(UserError, match=r"bedroom_val_lmdb: there is no such file.*fyu/lsun"):
            self.load(split="val")

    def test_no_database(self, folder):
        folder.mkdir()
        with pytest.raises(UserError, match=r"bedroom_train_lmdb: has no file data\.mdb"):
            self.load()

    def test_web_page(self, folder, html):
        folder.mkdir()
        (folder / "data.mdb").write_bytes(html)
        with pytest.raises(UserError, match=r"data\.mdb: expected an LMDB database, but it is a web page"):
            self.load()

    @pytest.mark.parametrize("share", [0.1, 0.9])
    def test_truncated(self, share, folder):
        self.write(folder, {b"%d" % number: picture(64, 64, number) for number in range(50)})
        content = (folder / "data.mdb").read_bytes()
        (folder / "data.mdb").write_bytes(content[: int(share * len(content))])
        with pytest.raises(UserError, match=r"data\.mdb: expected an LMDB database of [\d,]+ bytes.*incomplete"):
            self.load()

    def test_empty_database(self, folder):
        self.write(folder, {})
        with pytest.raises(UserError, match="has no pictures"):
            self.load()

    def test_a_damaged_picture_is_named(self, folder):
        self.write(folder, {b"aa": b"broken"})
        with pytest.raises(UserError, match="bedroom_train_lmdb/aa: cannot be read"):
            self.load()
