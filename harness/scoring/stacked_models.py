"""Alike models evaluated together: what one of them is asked to encode or to generate, all of them do at once.

All models of a study are scored on the same images and latent vectors, so what one metric asks of one model it will
ask of the others. Small networks leave most of a large GPU idle; together they fill it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from harness.errors import in_a_line
from harness.model import Model
from harness.training.stacking import Stacks


class Companions:
    """Trained models of equal `harness.training.engines.signature`, on one device.

    Their parameters and buffers become slices of stacks. What cannot be vmapped is said once, and then `None` is
    given in its place, upon which each model has to do it by itself.

    Args:
        models: at least two, in inference mode.
        note: told why a method is not called for all models at once.
    """

    def __init__(self, models: Sequence[Model], note: Callable[[str], None]) -> None:
        self._stacks = Stacks(models)
        self._group = self._stacks.group(range(len(models)))
        self._note = note
        self._alone: set[str] = set()

    def __len__(self) -> int:
        return len(self._group.positions)

    def represent(self, images: Tensor, noise: Tensor) -> Tensor | None:
        """Codes (G, N, D) of the same (N, C, H, W) images by every model, with the same noise."""
        return self._call("represent", images, noise)

    def generate(self, latents: Tensor) -> Tensor | None:
        """Images (G, N, C, H, W) of the same latent vectors by every model."""
        return self._call("generate", latents)

    @torch.no_grad()
    def _call(self, name: str, *inputs: Tensor) -> Tensor | None:
        if name in self._alone:
            return None
        try:
            found = self._group.call(
                lambda model, *own: {"found": getattr(model, name)(*own)},
                *self._stacks.take(self._group, copied=False),
                *(tensor.expand(len(self), *tensor.shape) for tensor in inputs),
            )
        except Exception as error:  # Whatever vmap, or the model under it, says.
            self._alone.add(name)
            self._note(f"in this fleet {name} is called by one model at a time: {in_a_line(error)}")
            return None
        return found["found"]
