"""A folder of pictures of any kind."""

import zlib
from io import BytesIO

import numpy as np
import pytest
import torch
from images import picture, pixels
from PIL import Image

from harness.errors import UserError
from harness_datasets.folder import Folder


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

    def test_a_folder_that_lies_where_the_command_is_called_is_told_of(self, data, monkeypatch):
        (data.parent / "pictures").mkdir()
        monkeypatch.chdir(data.parent)
        found = f"data/pictures: there is no such file or folder, but there is {data.parent}/pictures: write that path"
        with pytest.raises(UserError, match=f"{found}, or --data \\."):
            self.load()

    @pytest.mark.parametrize("content", [b"", b"<html>", picture(64, 64)[:200], picture(64, 64, suffix="jpg")[:300]])
    def test_a_damaged_picture_is_named(self, content, write, data):
        write("a.png", picture(20, 20))
        write("b.png", content)
        with pytest.raises(UserError, match=r"pictures/b\.png: cannot be read as a picture"):
            self.load()
        assert not list(data.glob("cache/*/*.npy"))
