"""A few pictures of a trained model that need no image of its dataset, for those who watch a run."""

import numpy as np
import torch

from harness.pictures.images import Pixels, mosaic, pixels, tiled
from harness.pictures.trained_model import TrainedModel
from harness.pictures.traversals import liveliest_codes, traversal_images

SAMPLES, COLUMNS = 40, 10
STEPS = 9


@torch.no_grad()
def trial_pictures(trained: TrainedModel) -> dict[str, Pixels]:
    """Samples, and traversals of the codes that change images most, each (H, W, 3); none without a generator.

    In the traversals a row is a code, from low to high.
    """
    if not trained.model.can("generate") or trained.model.latents is None:
        return {}
    samples = pixels(trained.generate(trained.sample_latents(range(SAMPLES))))
    found = {"samples": mosaic(tiled(samples, COLUMNS))}
    if codes := liveliest_codes(trained):
        one = trained.sample_latents(range(1))
        found["traversals"] = mosaic(np.stack([traversal_images(trained, code, one, STEPS)[:, 0] for code in codes]))
    return found
