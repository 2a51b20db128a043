"""Images kept on the device as bytes or bits."""

import numpy as np
import pytest
import torch

from harness.data import images as image_store
from harness.data.images import BitStore, ImageStore, pack, to_float

CPU = torch.device("cpu")
GB = 10**9


def test_bytes():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    store = ImageStore(images, CPU)
    gathered = store.gather(torch.tensor([4, 0, 4]))
    assert len(store) == 5
    assert gathered.shape == (3, 3, 4, 6)
    assert gathered.is_contiguous(memory_format=torch.channels_last), "as training wants it, without a copy"
    expected = torch.from_numpy(images[[4, 0, 4]]).permute(0, 3, 1, 2)
    assert torch.equal(store.rows(torch.tensor([4, 0, 4])), expected.permute(0, 2, 3, 1))
    assert torch.allclose(gathered, expected / 255, rtol=2**-23, atol=0)


def test_every_byte_has_its_place_in_0_to_1():
    values = to_float(torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1)).flatten()
    assert values[[0, 255]].tolist() == [0, 1]
    assert (values.diff() > 0).all()
    assert torch.equal((values * 255).round(), torch.arange(256.0))


def test_bits():
    images = np.random.default_rng(0).integers(0, 2, (5, 4, 16), dtype=np.uint8)
    store = BitStore(pack(images), CPU)
    gathered = store.gather(torch.tensor([4, 0, 4]))
    assert gathered.shape == (3, 1, 4, 16)
    assert gathered.is_contiguous()
    assert torch.equal(gathered[:, 0], torch.from_numpy(images[[4, 0, 4]]).float())
    in_three = BitStore(pack(images), CPU, channels=3).gather(torch.tensor([4, 0, 4]))
    assert in_three.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(in_three, gathered.expand(-1, 3, -1, -1))


def test_memory_mapped_images_are_not_copied(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((5, 4, 4, 1), np.uint8))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="c")
    store = ImageStore(mapped, CPU)
    mapped[3] = 255
    assert store.gather(torch.tensor([3])).min() == 1


@pytest.mark.parametrize(("size", "fits"), [(1 * GB, True), (5 * GB, True), (6 * GB, False)])
def test_half_of_a_gpus_free_memory_may_be_filled(size, fits, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10 * GB, 80 * GB))
    assert image_store._fits(size, torch.device("cuda")) == fits
    assert image_store._fits(size, CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_images_that_do_not_fit_are_brought_over(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    there = torch.device("cuda")
    resident = ImageStore(images, there)
    monkeypatch.setattr(image_store, "_fits", lambda *_: False)
    indices = torch.tensor([1, 3], device=there)
    assert torch.equal(ImageStore(images, there).gather(indices), resident.gather(indices))
