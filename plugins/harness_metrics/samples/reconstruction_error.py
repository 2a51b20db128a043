"""The mean error of a model's reconstructions."""

from math import inf
from typing import Literal

import torch
from torch import Tensor

from harness import Field, Indices, ModelEvaluation, SampleMetric, Score, Settings
from harness.nn import to_double


class ReconstructionError(SampleMetric):
    """Mean error of reconstructions per pixel and channel, of images in [0, 1]; lower is better.

    On held-out images if there are any, on training images otherwise; details hold both. An error on held-out
    images well above that on training images is overfitting; one on images that `[dataset.training]` left out tells
    how well a model generalises to what it never saw.
    """

    class Config(Settings):
        norm: Literal["squared", "absolute"] = Field("squared", description="error of a pixel")
        images: int = Field(10_000, gt=0, description="images of either side, drawn at random; all if there are fewer")

    source = "Rosca et al. 2017, Variational Approaches for Auto-Encoding GANs, arXiv:1706.04987 (absolute errors)"
    needs = ("reconstruct",)
    higher_is_better = False
    range = (0, inf)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The mean error; details hold that of `held_out` (null without), `training` and any `left_out` images."""
        training = self._error(evaluation, evaluation.trained_on)
        held_out = self._error(evaluation, evaluation.held_out) if len(evaluation.held_out) else None
        value = training if held_out is None else held_out
        left_out = {"left_out": self._error(evaluation, evaluation.left_out)} if len(evaluation.left_out) else {}
        return Score(value, {"held_out": held_out, "training": training, **left_out})

    def _error(self, evaluation: ModelEvaluation, side: Indices) -> float:
        """The mean error on images of one side of the split."""
        indices = evaluation.rng("reconstruction-error").permutation(side)[: self.config.images]
        totals: list[Tensor] = []
        for start in range(0, len(indices), evaluation.batch_size):
            images = evaluation.images(indices[start : start + evaluation.batch_size])
            error = evaluation.reconstruct(images) - images
            errors = error.square() if self.config.norm == "squared" else error.abs()
            totals.append(to_double(errors).mean(dim=(1, 2, 3)).sum())
        return torch.stack(totals).sum().item() / len(indices)
