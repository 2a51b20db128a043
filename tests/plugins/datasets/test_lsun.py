"""LSUN's bedrooms: a database of pictures."""

import shutil

import lmdb
import pytest
import torch
from images import picture, pixels

from harness.errors import UserError
from harness_datasets.lsun import LSUNBedroom


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

    def test_it_is_unpacked_from_its_archive(self, folder, data):
        self.write(folder, {b"a": picture(32, 24, 0, "webp")})
        shutil.make_archive(str(folder), "zip", folder.parent, folder.name)
        shutil.rmtree(folder)
        assert len(self.load(image_size=24)) == 1

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
