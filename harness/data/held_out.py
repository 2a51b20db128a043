"""Which images of a dataset a model is trained on, and which are held out to judge what it learnt."""

import numpy as np

from harness.errors import UserError
from harness.factors import Indices
from harness.seeds import numpy_rng


def split_held_out(images: int, held_out: int) -> tuple[Indices, Indices]:
    """Indices of the images to train on and of those held out, each in ascending order.

    The choice depends on the dataset's number of images alone, so that every trial holds out the same ones; a
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
