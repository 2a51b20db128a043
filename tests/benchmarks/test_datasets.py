"""How fast datasets are made and read, beside torch's DataLoader over the same images.

Every row reports images per second as `extra_info.images_per_second`.
"""

import numpy as np
import pytest
from torch.utils.data import DataLoader, TensorDataset

from harness.config import Settings
from harness.model import ImageSpec
from harness.rng import Rng
from harness_datasets.cdsprites import CdSprites
from harness_datasets.color_digits import ColorDigits
from harness_datasets.digits import Digits
from harness_datasets.image_store import StoredImages
from harness_datasets.sprites import Sprites
from harness_datasets.teapots import Teapots

BATCH, BATCHES = 64, 50


class Bytes(StoredImages):
    """Stands for every dataset of 64x64 RGB images that is read from files: once read, they are all alike."""

    def __init__(self):
        super().__init__(Settings())
        self.image = ImageSpec(3, 64, 64)

    def read(self):
        return np.random.default_rng(0).integers(0, 256, (20_000, 64, 64, 3), dtype=np.uint8)


FEW_POSITIONS = {"positions_x": 4, "positions_y": 4}
DATASETS = {
    "digits 32x32": lambda: Digits(Digits.Config()),
    "color-digits 32x32": lambda: ColorDigits(ColorDigits.Config()),
    "sprites 32x32": lambda: Sprites(Sprites.Config(**Sprites.SMALL)),
    "sprites 64x64": lambda: Sprites(Sprites.Config(**FEW_POSITIONS)),
    "sprites color 64x64": lambda: Sprites(Sprites.Config(variant="color", **FEW_POSITIONS)),
    "sprites noisy 64x64": lambda: Sprites(Sprites.Config(variant="noisy", **FEW_POSITIONS)),
    "sprites scream 64x64": lambda: Sprites(Sprites.Config(variant="scream", **FEW_POSITIONS)),
    "cdsprites 64x64": lambda: CdSprites(CdSprites.Config()),
    "teapots 64x64": lambda: Teapots(Teapots.Config(levels=8)),
    "files 64x64": Bytes,
}


@pytest.fixture(scope="module", params=DATASETS)
def dataset(request):
    made = DATASETS[request.param]()
    made.load()
    return made


def exhaust(batches):
    """Go through batches and keep none, as training does."""
    for _ in batches:
        pass


def report(benchmark, images):
    if benchmark.stats:  # None under --benchmark-disable
        rate = images / benchmark.stats.stats.median
        benchmark.extra_info["images_per_second"] = round(rate)
        print(f"\n{benchmark.name}: {rate:,.0f} images/s")


def test_images(benchmark, dataset):
    benchmark.group = f"{type(dataset).__name__}: {BATCHES} batches of {BATCH}, {dataset.image}, {len(dataset)} images"
    batches = Rng(0).integers(BATCHES, BATCH, high=len(dataset))
    benchmark(lambda: exhaust(map(dataset.images, batches)))
    report(benchmark, BATCHES * BATCH)


@pytest.mark.parametrize("workers", [0, 2])
def test_data_loader(benchmark, dataset, workers):
    """The usual way: float images in memory, one __getitem__ each, collated; the start of workers not counted."""
    benchmark.group = f"{type(dataset).__name__}: {BATCHES} batches of {BATCH}, {dataset.image}, {len(dataset)} images"
    some = Rng(0).integers(BATCHES * BATCH, high=len(dataset))
    images = TensorDataset(dataset.images(some))
    loader = DataLoader(images, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    exhaust(loader)
    benchmark.pedantic(lambda: exhaust(loader), rounds=5)
    report(benchmark, BATCHES * BATCH)


@pytest.mark.parametrize("config", [Sprites.SMALL, {}], ids=["small grid", "full grid"])
def test_drawing(benchmark, config):
    benchmark.group = "drawing sprites"
    sprites = Sprites(Sprites.Config(**config))
    benchmark.pedantic(sprites.load, rounds=1)
    report(benchmark, len(sprites))


def test_drawing_teapots(benchmark):
    """Images per second here are poses per second; each pose serves 8,000 images."""
    benchmark.group = "drawing teapots"
    teapots = Teapots(Teapots.Config())
    benchmark.pedantic(teapots.load, rounds=1)
    report(benchmark, 400)
