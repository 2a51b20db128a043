"""A picture of a dataset: a traversal of each factor, or samples of each class."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from harness.dataset import Dataset, GroundTruthDataset, LabelledDataset
from harness.factors import Indices
from harness.pictures.images import Pixels, pixels, sheet, tiled
from harness.seeds import numpy_rng

COLUMNS = 10
ROWS = 8
CLASSES = 20
"""Classes shown at most."""

SEARCHED = 10_000
"""Images looked through for samples of each class."""


def dataset_picture(dataset: Dataset, title: str) -> Image.Image:
    """Draw a labelled grid of images of a loaded dataset.

    A dataset with ground truth has a row for each factor: images in which it goes through its range while the others
    stay in their middle, each labelled by the factor's value. One with labels has a row of samples for each class;
    any other shows samples.
    """
    if isinstance(dataset, GroundTruthDataset):
        return _traversals(dataset, title)
    if isinstance(dataset, LabelledDataset):
        return _classes(dataset, title)
    return sheet(tiled(_images(dataset, _some(dataset, ROWS * COLUMNS)), COLUMNS), title=title)


def _traversals(dataset: GroundTruthDataset, title: str) -> Image.Image:
    rows, labels = [], []
    for factor in range(len(dataset.factors.names)):
        indices = dataset.factors.traversal(factor, COLUMNS)
        rows.append(_row(dataset, indices))
        values = [f"{value:.4g}" for value in dataset.factors.real_values(indices)[:, factor].round(3) + 0.0]
        labels += values + [""] * (COLUMNS - len(values))
    names = [name.replace("_", " ") for name in dataset.factors.names]
    return sheet(np.stack(rows), title=title, row_labels=names, tile_labels=labels)


def _classes(dataset: LabelledDataset, title: str) -> Image.Image:
    found = _some(dataset, SEARCHED)
    labels = dataset.labels(torch.from_numpy(found).to(dataset.device)).cpu().numpy()
    classes = range(min(dataset.classes, CLASSES))
    rows = [_row(dataset, found[labels == number][:COLUMNS]) for number in classes]
    return sheet(np.stack(rows), title=title, row_labels=[f"class {number}" for number in classes])


def _some(dataset: Dataset, n: int) -> Indices:
    """Indices of at most n images, chosen at random; the same at every call."""
    chosen: Indices = numpy_rng("dataset pictures").permutation(len(dataset))[:n]
    return chosen


def _images(dataset: Dataset, indices: Indices) -> Pixels:
    return pixels(dataset.images(torch.from_numpy(indices).to(dataset.device)))


def _row(dataset: Dataset, indices: Indices) -> NDArray[np.uint8]:
    """A row (COLUMNS, H, W, 3) of images; white ones fill what is left of it."""
    row = np.full((COLUMNS, dataset.image.height, dataset.image.width, 3), 255, dtype=np.uint8)
    if len(indices):
        row[: len(indices)] = _images(dataset, indices)
    return row
