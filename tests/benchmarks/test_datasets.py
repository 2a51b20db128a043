"""How fast datasets are made and read, beside torch's DataLoader over the same images.

Every row reports images per second as `extra_info.images_per_second`.
"""

import pytest
from torch.utils.data import DataLoader, TensorDataset

from harness.rng import Rng
from harness_datasets.digits import Digits
from harness_datasets.sprites import Sprites

BATCH, BATCHES = 64, 50


@pytest.fixture(scope="module", params=["digits 32x32", "sprites 32x32", "sprites 64x64"])
def dataset(request):
    made = {
        "digits 32x32": Digits(Digits.Config()),
        "sprites 32x32": Sprites(Sprites.Config(**Sprites.SMALL)),
        "sprites 64x64": Sprites(Sprites.Config(positions_x=4, positions_y=4)),
    }[request.param]
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
    benchmark.group = f"{BATCHES} batches of {BATCH}, {dataset.image}, {len(dataset)} images"
    batches = Rng(0).integers(BATCHES, BATCH, high=len(dataset))
    benchmark(lambda: exhaust(map(dataset.images, batches)))
    report(benchmark, BATCHES * BATCH)


@pytest.mark.parametrize("workers", [0, 2])
def test_data_loader(benchmark, dataset, workers):
    """The usual way: float images in memory, one __getitem__ each, collated; the start of workers not counted."""
    benchmark.group = f"{BATCHES} batches of {BATCH}, {dataset.image}, {len(dataset)} images"
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
