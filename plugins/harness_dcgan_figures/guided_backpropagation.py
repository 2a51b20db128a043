"""Guided gradients: the pixels that a discriminator's features respond to (Radford et al. 2016, section 6.1)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from harness import Model, NotApplicableError, numpy_rng
from harness.pictures import BATCH, TrainedModel, pixels, sheet, side_by_side

FEATURES = 6
IMAGES = 8
SEARCHED = 1000
"""Images of the dataset among which the strongest responses are looked for."""


@contextmanager
def guided(model: Model) -> Iterator[None]:
    """Within this block rectifiers pass only positive gradients back, and only where their input was positive.

    That is guided backpropagation (Springenberg et al. 2015); a leaky rectifier is treated as a plain one.

    Raises:
        NotApplicableError: the model has no rectifier that is a module.
    """
    rectifiers = [module for module in model.modules() if isinstance(module, nn.ReLU | nn.LeakyReLU)]
    if not rectifiers:
        raise NotApplicableError("the model has no nn.ReLU or nn.LeakyReLU to guide gradients through")
    with ExitStack() as stack:
        for module in rectifiers:
            handle = module.register_forward_hook(_guide)
            stack.callback(handle.remove)
        yield


def _guide(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """A forward hook: leaves the rectifier's output as it is and guides its gradient."""
    guided: Tensor = _Guided.apply(output)
    return guided


class _Guided(torch.autograd.Function):
    """The identity, whose gradient passes only where it and the rectifier's output are positive."""

    @staticmethod
    def forward(ctx: Any, output: Tensor) -> Tensor:
        ctx.save_for_backward(output)
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (output,) = ctx.saved_tensors
        passed: Tensor = gradients[0].clamp(min=0) * (output > 0)
        return passed


def guided_gradients(model: Model, images: Tensor, channel: int) -> Tensor:
    """The guided gradient of each image's largest response in one channel of the last features, (n, C, H, W)."""
    images = images.clone().requires_grad_()
    with guided(model), torch.enable_grad():
        responses = model.features(images)[-1][:, channel].flatten(1).amax(dim=1)
        (gradients,) = torch.autograd.grad(responses.sum(), images)
    return gradients


@torch.no_grad()
def strongest_responses(model: Model, images: Tensor, features: int, count: int) -> Tensor:
    """The images (n, C, H, W) that each of the first features responds to most, (features, count) indices."""
    responses = [model.features(part)[-1][:, :features].flatten(2).amax(dim=2) for part in torch.split(images, BATCH)]
    return torch.cat(responses).T.topk(count, dim=1).indices


def filters_picture(trained: TrainedModel, seed: int) -> Image.Image:
    """The first six features of the last convolution, trained and as the trial's seed had initialised them.

    For each feature the images that it responds to most among 1,000 of the dataset, which must be loaded, and
    below each the guided gradient of its response: grey where it is indifferent.
    """
    trained.require_ability("features")
    size = len(trained.dataset)
    chosen = np.sort(numpy_rng("filters", seed).choice(size, min(size, SEARCHED), replace=False))
    images = trained.dataset.images(torch.from_numpy(chosen).to(trained.dataset.device))
    untrained = trained.untrained()
    panels = [
        _panel(model, images, title) for model, title in ((trained.model, "trained"), (untrained, "random filters"))
    ]
    return side_by_side(panels, columns=2)


def _panel(model: Model, images: Tensor, title: str) -> Image.Image:
    count = min(IMAGES, len(images))
    rows, labels = [], []
    for feature, strongest in enumerate(strongest_responses(model, images, FEATURES, count)):
        gradients = guided_gradients(model, images[strongest], feature)
        scale = gradients.flatten(1).abs().amax(dim=1).clamp(min=1e-12)
        rows += [pixels(images[strongest]), pixels(0.5 + 0.5 * gradients / scale[:, None, None, None])]
        labels += [f"feature {feature}", ""]
    return sheet(np.stack(rows), title=title, row_labels=labels)
