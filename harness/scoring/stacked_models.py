"""Alike models evaluated as one: their parameters are stacked, and each of their methods is vmapped over the stack.

All models of a study are scored on the same images and latent vectors, so what one metric asks of one model it will
ask of the others. Small networks leave most of a large GPU idle; together they fill it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from harness.errors import in_a_line
from harness.model import Model
from harness.training.stacking import Stacks


class StackedModels:
    """Trained models of equal `harness.training.engines.signature`, on one device, called together.

    Their parameters and buffers become slices of stacks. A method that cannot be vmapped returns None, which tells the
    caller to ask each model by itself; the reason is noted at the first call only.

    Args:
        models: at least two, in inference mode.
        note: told why a method is not called for all models at once.
    """

    def __init__(self, models: Sequence[Model], note: Callable[[str], None]) -> None:
        self._stacks = Stacks(models)
        self._group = self._stacks.group(range(len(models)))
        self._note = note
        self._not_vmapped: set[str] = set()

    def __len__(self) -> int:
        return len(self._group.positions)

    def represent(self, images: Tensor, noise: Tensor) -> Tensor | None:
        """Codes (G, N, D) of the same (N, C, H, W) images by each of G models, with the same noise; None: see above."""
        # One view of the inputs per model, without a copy.
        return self._call("represent", *(tensor.expand(len(self), *tensor.shape) for tensor in (images, noise)))

    def generate(self, latents: Tensor) -> Tensor | None:
        """Images (G, N, C, H, W) of latents (G, N, Z), those of each of G models; None: see above."""
        return self._call("generate", latents)

    @torch.no_grad()
    def _call(self, name: str, *inputs: Tensor) -> Tensor | None:
        if name in self._not_vmapped:
            return None
        try:
            outputs = self._group.call(
                lambda model, *inputs_of_one: {"output": getattr(model, name)(*inputs_of_one)},
                *self._stacks.take(self._group, copied=False),
                *inputs,
            )
        except Exception as error:  # Whatever vmap, or the model under it, says.
            self._not_vmapped.add(name)
            self._note(f"in this fleet {name} is called by one model at a time: {in_a_line(error)}")
            return None
        return outputs["output"]
