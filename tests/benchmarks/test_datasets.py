"""How fast datasets deliver images to a model, beside torch's DataLoader, and how long they take to draw.

What is compared: `Batches`, from which training takes shuffled batches of float32 images in [0, 1] on the device of
the model, with what a training script usually has in its place: a map-style `Dataset` over the same images as a uint8
array (N, H, W, C) in memory, torchvision's `ToTensor` for each image, and a shuffling `DataLoader` that collates them,
with none and with two workers; for a GPU also pinned memory and copies that do not wait. The loader's images are made
beforehand, also those that our side dresses or colours as it gathers them: all of noisy sprites would be 9 GB. Who has
no room for that makes each image as it is asked for, which is the third comparison: a `DataLoader` over the data set
itself, item by item. All sides take turns, so that other work on the machine hits all; the start of workers is not
counted.

Every row reports images per second, and how many times the loader's they are, as `extra_info`.
"""

from time import perf_counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

from harness.config import Settings
from harness.data.images import StoredImages
from harness.model import ImageSpec
from harness.training.batches import Batches
from harness_datasets.color_digits import ColorDigits
from harness_datasets.digits import Digits
from harness_datasets.sprites.cdsprites import CdSprites
from harness_datasets.sprites.sprites import Sprites
from harness_datasets.teapots.grid import TeapotsGrid
from harness_datasets.teapots.teapots import Teapots

BATCH, BATCHES, ROUNDS = 64, 50, 7


class Bytes(StoredImages):
    """Stands for every dataset of 64x64 images that is read from files: once read, they are all alike."""

    def __init__(self, channels):
        super().__init__(Settings())
        self.image = ImageSpec(channels, 64, 64)

    def read(self):
        shape = (BATCH * BATCHES, 64, 64, self.image.channels)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


FEW_POSITIONS = {"positions_x": 4, "positions_y": 4}
DATASETS = {
    "digits": lambda: Digits(Digits.Config()),
    "color-digits": lambda: ColorDigits(ColorDigits.Config()),
    "sprites small": lambda: Sprites(Sprites.Config(**Sprites.SMALL)),
    "sprites": lambda: Sprites(Sprites.Config(**FEW_POSITIONS)),
    "sprites color": lambda: Sprites(Sprites.Config(variant="color", **FEW_POSITIONS)),
    "sprites noisy": lambda: Sprites(Sprites.Config(variant="noisy", **FEW_POSITIONS)),
    "sprites painted": lambda: Sprites(Sprites.Config(variant="painted", **FEW_POSITIONS)),
    "cdsprites": lambda: CdSprites(CdSprites.Config()),
    "teapots": lambda: Teapots(Teapots.Config(images=BATCH * BATCHES, groups=0)),
    "teapots-grid": lambda: TeapotsGrid(TeapotsGrid.Config(levels=8)),
    "files, grey": lambda: Bytes(1),
    "files, RGB": lambda: Bytes(3),
}
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class Pictures(Dataset):
    """Images as a training script keeps them."""

    def __init__(self, images):
        self.images, self.transform = images, ToTensor()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(self.images[index])


class Items(Dataset):
    """One of our datasets, item by item."""

    def __init__(self, dataset, count):
        self.dataset, self.count = dataset, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.dataset.images(torch.tensor([index], device=self.dataset.device))[0]


def finish(device):
    """Wait for the device."""
    if device == "cuda":
        torch.cuda.synchronize()


def exhaust(loader, device):
    """Go through batches and keep none, as training does."""
    for batch in loader:
        batch.to(device, non_blocking=True)
    finish(device)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
@pytest.mark.parametrize("name", DATASETS)
def test_images(benchmark, name, device, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    dataset = DATASETS[name]()
    dataset.load(device)
    batches = Batches(dataset, BATCH, seed=0)
    count = BATCH * BATCHES
    some = torch.randint(len(dataset), (count,), generator=torch.Generator().manual_seed(0)).to(device)
    images = (torch.cat([dataset.images(part) for part in some.split(BATCH)]) * 255).round().byte()
    pictures = Pictures(images.permute(0, 2, 3, 1).contiguous().cpu().numpy())
    pinned = device == "cuda"
    loaders = {
        f"DataLoader with {workers} workers": DataLoader(
            pictures, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0, pin_memory=pinned
        )
        for workers in (0, 2)
    }
    loaders["DataLoader over the dataset"] = DataLoader(Items(dataset, min(len(dataset), count)), BATCH, shuffle=True)
    seconds = {name: [] for name in loaders}
    for loader in loaders.values():
        exhaust(loader, device)

    def deliver():
        for _ in range(BATCHES):
            batches.next()
        finish(device)

    def time_loaders():
        for kind, loader in loaders.items():
            started = perf_counter()
            exhaust(loader, device)
            seconds[kind].append((perf_counter() - started) / len(loader.dataset))

    deliver()
    benchmark.group = f"{BATCHES} batches of {BATCH}"
    benchmark.pedantic(deliver, setup=time_loaders, rounds=ROUNDS)
    if not benchmark.stats:  # under --benchmark-disable
        return
    ours = count / benchmark.stats.stats.median
    theirs = {name: 1 / np.median(times) for name, times in seconds.items()}
    benchmark.extra_info["images_per_second"] = round(ours)
    line = f"\n{name}, {dataset.image}, {device}: {ours:,.0f} images/s"
    for loader, rate in theirs.items():
        benchmark.extra_info[f"times {loader}"] = round(ours / rate, 1)
        line += f"; {ours / rate:.1f} times {loader} ({rate:,.0f}/s)"
    print(line)


@pytest.mark.parametrize("config", [Sprites.SMALL, {}], ids=["small grid", "full grid"])
def test_drawing(benchmark, config):
    benchmark.group = "drawing sprites"
    sprites = Sprites(Sprites.Config(**config))
    benchmark.pedantic(sprites.load, rounds=1)
    report(benchmark, len(sprites))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_drawing_teapots(benchmark, device, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    benchmark.group = "drawing teapots"
    teapots = Teapots(Teapots.Config(images=2000, groups=0))
    benchmark.pedantic(teapots.load, (device,), rounds=1)
    report(benchmark, 2000)


def report(benchmark, images):
    if benchmark.stats:
        rate = images / benchmark.stats.stats.median
        benchmark.extra_info["images_per_second"] = round(rate)
        print(f"\n{benchmark.name}: {rate:,.0f} images/s")
