"""Buffers that a model replaces: `self.average = 0.9 * self.average + x` instead of a change in place."""

import torch
from torch import nn


class Buffers:
    """The buffers of a model, kept where they are in memory.

    CUDA graphs and stacks of models read and write buffers at fixed addresses; a replaced one would be lost to them.
    """

    def __init__(self, model: nn.Module) -> None:
        self._kept = [
            (module._buffers, name, buffer)
            for module in model.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]

    @torch.no_grad()
    def keep(self) -> None:
        """Write the values of replaced buffers into those that were replaced, and put these back."""
        for number, (buffers, name, kept) in enumerate(self._kept):
            new = buffers[name]
            if new is None or new is kept:
                continue
            if new.shape == kept.shape and new.dtype == kept.dtype:
                kept.copy_(new)
                buffers[name] = kept
            else:
                self._kept[number] = buffers, name, new
