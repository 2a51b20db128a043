"""How much memory training a model takes: worked out from its tensors, without the device."""

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.model import ImageSpec, Model
from harness.objective import Draws, Objective
from harness.rng import Rng

COUNTED_IMAGES = 4
"""Images in the batch that is counted: more than one, for the sake of batch normalisation."""

COPIES = 4
"""Of each parameter: itself, its gradient and Adam's two moments."""

SPARE = 1.5
"""By how much the largest set of activations is multiplied: their gradients are made while they are still there."""


def training_bytes(model: Model, image: ImageSpec, batch_size: int, steps: Sequence[int]) -> int:
    """Bytes that one training of a model takes, about: parameters, optimizer states, and what is kept for gradients.

    Args:
        model: on the CPU; it is not changed but for its batch statistics.
        image: of the images it is trained on.
        batch_size: images per batch.
        steps: training steps whose losses are looked at, as losses may grow when something is switched on.
    """
    rng = Rng(0)
    images = rng.uniform(COUNTED_IMAGES, image.channels, image.height, image.width)
    most = 0
    for step in steps:
        schedule = {name: torch.tensor(value) for name, value in model.schedule(step).items()}
        draws = {**model.draw(COUNTED_IMAGES, rng), **schedule}
        active = [objective for objective in model.objectives() if objective.when(step)]
        most = max([most, *(_activations(model, objective, step, images, draws) for objective in active)])
    tensors = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    return COPIES * tensors + int(SPARE * most * batch_size / COUNTED_IMAGES)


def _activations(model: Model, objective: Objective, step: int, images: Tensor, draws: Draws) -> int:
    """Bytes of the tensors that a loss keeps for its gradients, those of the model left out."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if (place := tensor.untyped_storage().data_ptr()) not in own:
            kept[place] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        terms = objective.loss_at(step)(images, draws)
    found = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    del terms
    return found
