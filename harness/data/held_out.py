"""Which images of a dataset a model is trained on, and which are held out to judge what it learnt."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.dataset import Dataset, GroundTruthDataset
from harness.errors import UserError
from harness.factors import Indices
from harness.seeds import numpy_rng


@dataclass(frozen=True)
class ImageSplit:
    """The images of a dataset by what they are for; every image is in one of the three, each in ascending order.

    Attributes:
        trained_on: those that models see.
        held_out: random ones that models might have seen, kept from them (`training.held_out`).
        left_out: those that the suite's `[dataset.training]` forbids.
        weights: how often each image of `trained_on` is seen, adding up to 1; None where all are alike.
    """

    trained_on: Indices
    held_out: Indices
    left_out: Indices
    weights: NDArray[np.float64] | None = None


def split_images(dataset: Dataset, held_out: int) -> ImageSplit:
    """Split the images of a loaded dataset; see `split_held_out` and `GroundTruthDataset.training_images`.

    Raises:
        UserError: no image is left to train on, or `[dataset.training]` does not fit the dataset.
    """
    restriction = dataset.training_images if isinstance(dataset, GroundTruthDataset) else None
    if restriction is None or not isinstance(dataset, GroundTruthDataset):
        return ImageSplit(*split_held_out(len(dataset), held_out), np.empty(0, dtype=np.int64))
    weights = restriction.weights(dataset.factors)
    allowed = np.flatnonzero(weights)
    trained_on, kept = (allowed[side] for side in split_held_out(len(allowed), held_out))
    shares = weights[trained_on] / weights[trained_on].sum()
    alike = bool((shares == shares[0]).all())
    return ImageSplit(trained_on, kept, np.flatnonzero(weights == 0), None if alike else shares)


def split_held_out(images: int, held_out: int) -> tuple[Indices, Indices]:
    """Indices of the images to train on and of those held out, each in ascending order.

    The choice depends on the number of images alone, so that every trial holds out the same ones; a
    larger number holds out those of a smaller one and more.

    Raises:
        UserError: no image is left to train on.
    """
    everything = np.arange(images, dtype=np.int64)
    if held_out == 0:
        return everything, everything[:0]
    if held_out >= images:
        raise UserError(f"training.held_out: {held_out} leaves none of the dataset's {images} images to train on")
    kept = np.sort(numpy_rng("held out", images).permutation(images)[:held_out])
    return np.delete(everything, kept), kept
