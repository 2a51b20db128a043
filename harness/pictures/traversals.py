"""Latent traversals of a trained model: images in which one code varies."""

import torch
from torch import Tensor

from harness.pictures.images import Pixels, pixels
from harness.pictures.latent_paths import Code, Range, codes_of, traversal
from harness.pictures.trained_model import TrainedModel

STEPS = 10
COLUMNS = 10
CODES = 10
"""Codes shown unless they are chosen by name."""

PROBES = 8


def traversal_images(
    trained: TrainedModel, code: Code, others: Tensor, steps: int = STEPS, bounds: Range | None = None
) -> Pixels:
    """Images (steps, n, H, W, 3) of one code from low to high (down) beside n other latents (across).

    Raises:
        NotApplicableError: the code cannot go from one of the `bounds` to the other.
    """
    latents = traversal(code, others, steps, bounds)
    images = pixels(trained.generate(latents))
    return images.reshape(*latents.shape[:2], *images.shape[1:])


def liveliest_codes(trained: TrainedModel, count: int = CODES) -> list[Code]:
    """Choose the codes that change the images most, in their own order; all of them if there are at most `count`.

    The change by a code is the mean absolute difference of pixels between its lowest, middle and highest value,
    over 8 samples.
    """
    codes = codes_of(trained.latents)
    if len(codes) <= count:
        return codes
    others = trained.sample_latents(range(PROBES))
    changes = torch.tensor([_change(trained, code, others) for code in codes])
    kept = changes.argsort(descending=True)[:count].sort().values
    return [codes[number] for number in kept.tolist()]


def _change(trained: TrainedModel, code: Code, others: Tensor) -> float:
    latents = traversal(code, others, steps=3)
    images = trained.generate(latents)
    return float(images.reshape(*latents.shape[:2], -1).diff(dim=0).abs().mean())
