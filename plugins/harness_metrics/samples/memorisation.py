"""Memorisation: are samples nearer to the training images than unseen images of the dataset are?"""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from torch import Tensor

from harness import Field, ModelEvaluation, NotApplicableError, SampleMetric, Score, Settings
from harness.nn import to_double

CHUNK = 2000


class Memorisation(SampleMetric):
    """Distance of samples to the training images, relative to that of held-out images, in [0, 1].

    For each sample the Euclidean distance over all pixels to the nearest training image, averaged over samples,
    divided by the same average for held-out images. 1: no nearer than images that were never seen (ratios above
    1 count as 1: noise memorises nothing). 0: copies. It says nothing about how good samples are otherwise.

    After the distances between samples and their nearest neighbours that the code of Radford et al. (2016) reports
    during training.
    """

    class Config(Settings):
        samples: int = Field(1000, gt=0, description="generated images")
        held_out: int = Field(1000, gt=0, description="held-out images, drawn at random; all if there are fewer")

    source = "Radford et al. 2016, Unsupervised Representation Learning with DCGAN, arXiv:1511.06434 (their code)"
    needs = ("generate", "held_out")
    range = (0, 1)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The ratio, at most 1.

        Details hold the uncut `ratio`, the mean distances of `samples` and `held_out` images, and the probability
        that a sample is nearer to the training images than a held-out image is (`nearer`; ties count half, so 1/2
        if nothing is memorised, 1 for copies).

        Raises:
            NotApplicableError: every held-out image is among the training images too.
        """
        chosen = evaluation.rng("memorisation").permutation(evaluation.held_out)[: self.config.held_out]
        samples = distances_to_training(evaluation, evaluation.samples(self.config.samples))
        held_out = distances_to_training(evaluation, evaluation.images(chosen))
        if not held_out.any():
            raise NotApplicableError("every held-out image equals a training image")
        ratio = float(samples.mean() / held_out.mean())
        details = {
            "ratio": ratio,
            "samples": float(samples.mean()),
            "held_out": float(held_out.mean()),
            "nearer": float(mannwhitneyu(held_out, samples).statistic / (len(samples) * len(held_out))),
        }
        return Score(min(ratio, 1.0), details)


def distances_to_training(evaluation: ModelEvaluation, images: Tensor) -> NDArray[np.float64]:
    """Euclidean distance (n,) of each image (n, C, H, W) to the nearest training image."""
    parts = np.array_split(evaluation.trained_on, -(-len(evaluation.trained_on) // CHUNK))
    return nearest_distances(images, (evaluation.images(part) for part in parts))


def nearest_distances(images: Tensor, others: Iterable[Tensor]) -> NDArray[np.float64]:
    """Euclidean distance (n,) of each image (n, ...) to the nearest of the others, given in chunks (m, ...).

    Chunks are searched with a matrix product; the distance to what it finds is computed without one, whose
    rounding errors would keep equal images apart.
    """
    points = images.flatten(1)
    nearest = to_double(torch.full((len(points),), torch.inf, device=points.device))
    for chunk in others:
        candidates = chunk.flatten(1)
        scores = candidates.square().sum(dim=1) - 2 * points @ candidates.T
        found = candidates[scores.argmin(dim=1)]
        nearest = torch.minimum(nearest, to_double(points - found).square().sum(dim=1))
    return nearest.sqrt().cpu().numpy()
