"""Forgetting to draw an object (Radford et al. 2016, section 6.3.1)."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from harness import NotApplicableError, UserError, numpy_rng
from harness.pictures import TrainedModel, pixels, sheet, side_by_side, tiled
from harness_dcgan_figures.concepts import POOL, parse_concept, recognise

Features = NDArray[np.float32]
FIELDS = ("sample", "x0", "y0", "x1", "y1")
COLUMNS = 10
"""Samples in a row of the picture."""


@dataclass(frozen=True)
class Box:
    """Where an object is in a sample: columns x0 to x1 and rows y0 to y1 in pixels, the ends excluded."""

    sample: int
    x0: float
    y0: float
    x1: float
    y1: float


def read_boxes(path: Path) -> list[Box]:
    """Boxes from a CSV file with the columns sample, x0, y0, x1, y1, or a JSON list of objects with these keys.

    Raises:
        UserError: the file cannot be read; the message names the first entry that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        entries = json.loads(text) if path.suffix == ".json" else list(csv.DictReader(text.splitlines()))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise UserError(f"{path}: neither JSON nor CSV as text: {error}") from None
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path}: expected a list of boxes, each with {', '.join(FIELDS)}")
    return [_box(entry, f"{path}: box {number}") for number, entry in enumerate(entries, start=1)]


def _box(entry: Any, place: str) -> Box:
    if not isinstance(entry, dict) or not set(FIELDS) <= set(entry):
        raise UserError(f"{place}: expected {', '.join(FIELDS)}")
    try:
        sample, (x0, y0, x1, y1) = int(entry["sample"]), (float(entry[name]) for name in FIELDS[1:])
    except (TypeError, ValueError):
        raise UserError(f"{place}: expected numbers, got {entry}") from None
    if sample < 0 or not (x0 < x1 and y0 < y1):
        raise UserError(f"{place}: expected a sample of 0 or more, x0 < x1 and y0 < y1, got {entry}")
    return Box(sample, x0, y0, x1, y1)


class LastConvolution:
    """The last convolution of a generator, whose inputs are the features of the second-highest one.

    Args:
        trained: a model that generates.

    Raises:
        NotApplicableError: it does not generate, or not through two convolutions at least.
    """

    def __init__(self, trained: TrainedModel) -> None:
        self.trained = trained
        called: list[nn.Module] = []
        with ExitStack() as stack:
            for module in trained.model.modules():
                if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                    stack.callback(module.register_forward_hook(lambda module, *_: called.append(module)).remove)
            trained.generate(trained.sample_latents([0]))
        if len(called) < 2:
            raise NotApplicableError(
                f"the model generates through {len(called)} modules that are nn.Conv2d or nn.ConvTranspose2d; "
                "forgetting needs two"
            )
        self.layer = called[-1]

    def maps(self, latents: Tensor) -> Tensor:
        """The feature maps (n, channels, h, w) from which the images of latents (n, Z) are drawn."""
        seen: list[Tensor] = []

        def see(maps: Tensor) -> Tensor:
            seen.append(maps)
            return maps

        with self._intercepting(see):
            self.trained.generate(latents)
        return torch.cat(seen)

    @contextmanager
    def without(self, dropped: NDArray[np.bool_]) -> Iterator[None]:
        """Within this block the maps marked in `dropped` (channels,) are zero everywhere."""
        kept = torch.from_numpy(~dropped).to(self.trained.dataset.device)[:, None, None]
        with self._intercepting(lambda maps: maps * kept):
            yield

    @contextmanager
    def _intercepting(self, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
        def intercept(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (change(inputs[0]), *inputs[1:])

        handle = self.layer.register_forward_pre_hook(intercept)
        try:
            yield
        finally:
            handle.remove()


def features_of_boxes(
    maps: Tensor, samples: Sequence[int], boxes: Sequence[Box], image: tuple[int, int], rng: np.random.Generator
) -> tuple[Features, Features]:
    """Features inside boxes, and as many at random locations of the same samples.

    Args:
        maps: (n, channels, h, w).
        samples: the number of each of these n samples.
        boxes: at least one, all of them on these samples.
        image: height and width of the images, in which boxes are measured.
        rng: chooses the random locations.

    Returns:
        Positives and negatives, (p, channels) each. A location belongs to a box that holds its centre; a box
        that holds none takes the location that holds the box's centre.
    """
    height, width = maps.shape[2:]
    inside: list[Tensor] = []
    outside: list[Tensor] = []
    for box in boxes:
        row = samples.index(box.sample)
        ys = _locations(box.y0 * height / image[0], box.y1 * height / image[0], height)
        xs = _locations(box.x0 * width / image[1], box.x1 * width / image[1], width)
        inside.append(maps[row][:, ys][:, :, xs].flatten(1).T)
        count = len(ys) * len(xs)
        places = torch.from_numpy(rng.integers(height * width, size=count)).to(maps.device)
        outside.append(maps[row].flatten(1)[:, places].T)
    return torch.cat(inside).cpu().numpy(), torch.cat(outside).cpu().numpy()


def _locations(low: float, high: float, size: int) -> list[int]:
    """The locations, of `size` in a row, whose centre lies between low and high; the nearest one if none does."""
    inside = [location for location in range(size) if low <= location + 0.5 < high]
    return inside or [min(size - 1, max(0, int((low + high) / 2)))]


def drawing_maps(positives: Features, negatives: Features, at_most: int | None = None) -> NDArray[np.bool_]:
    """Which maps draw the object, (channels,): those with a positive weight in a logistic regression.

    Args:
        positives: features (p, channels) where the object is.
        negatives: features (q, channels) elsewhere.
        at_most: keep only so many, those with the largest weights; None for all.
    """
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate([positives, negatives])
    # The intercept takes up any shift; a map that never varies then gets a weight of exactly 0.
    features = features - features.mean(axis=0)
    classes = np.repeat([1, 0], [len(positives), len(negatives)])
    weights = LogisticRegression(max_iter=10_000).fit(features, classes).coef_[0]
    drawing = weights > 0
    if at_most is not None and drawing.sum() > at_most:
        drawing = drawing & (weights >= np.sort(weights)[-at_most])
    return np.asarray(drawing, dtype=bool)


@dataclass(frozen=True)
class Forgetting:
    """A generator's last convolution, and which of the maps that enter it draw the object."""

    convolution: LastConvolution
    dropped: NDArray[np.bool_]


def forget_boxes(trained: TrainedModel, path: Path, seed: int, at_most: int | None = None) -> Forgetting:
    """Find the maps that draw what is in the boxes of a file.

    Raises:
        UserError: the file cannot be used.
        NotApplicableError: the generator has no two convolutions.
    """
    boxes = read_boxes(path)
    convolution = LastConvolution(trained)
    samples = sorted({box.sample for box in boxes})
    image = (trained.dataset.image.height, trained.dataset.image.width)
    maps = convolution.maps(trained.sample_latents(samples, seed))
    features = features_of_boxes(maps, samples, boxes, image, numpy_rng("forgetting", seed))
    return Forgetting(convolution, drawing_maps(*features, at_most))


def forget_concept(trained: TrainedModel, text: str, seed: int, at_most: int | None = None) -> Forgetting:
    """Find the maps that draw a level of a factor; loads the dataset.

    Raises:
        UserError: there is no such level, or all samples show it or none does.
        NotApplicableError: the dataset has neither factors nor labels, or the generator no two convolutions.
    """
    concept = parse_concept(text, trained.dataset)
    convolution = LastConvolution(trained)
    trained.load_dataset()
    latents = trained.sample_latents(range(POOL), seed)
    shown = concept.holds(recognise(trained.dataset, trained.generate(latents))[0])
    if shown.all() or not shown.any():
        raise UserError(f"{text}: {shown.sum():,} of {POOL:,} samples show it; both kinds are needed")
    features = convolution.maps(latents).mean(dim=(2, 3)).cpu().numpy()
    return Forgetting(convolution, drawing_maps(features[shown], features[~shown], at_most))


def forgetting_picture(forgetting: Forgetting, seed: int) -> Image.Image:
    """New samples, and below them the same ones without the dropped maps."""
    trained = forgetting.convolution.trained
    latents = trained.sample_latents(range(POOL, POOL + 2 * COLUMNS), seed)
    before = pixels(trained.generate(latents))
    with forgetting.convolution.without(forgetting.dropped):
        after = pixels(trained.generate(latents))
    panels = [sheet(tiled(before, COLUMNS), title="as trained"), sheet(tiled(after, COLUMNS), title="without the maps")]
    return side_by_side(panels, columns=1)
