"""Batches: shuffled passes over a dataset, gathered on the device."""

import torch
from torch import Tensor

from harness.dataset import Dataset
from harness.errors import UserError
from harness.rng import Rng


class Batches:
    """An endless stream of batches: every epoch a new order, the last incomplete batch dropped.

    The order of epoch e depends on the seed and e alone, so the number of batches taken so far is
    the stream's whole state.
    """

    def __init__(self, dataset: Dataset, batch_size: int, seed: int) -> None:
        if batch_size > len(dataset):
            raise UserError(f"training.batch_size: {batch_size} is more than the dataset's {len(dataset)} images")
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.taken = 0
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def next(self) -> Tensor:
        """The next batch, (batch_size, C, H, W) in [0, 1], channels last in memory."""
        epoch, position = divmod(self.taken, len(self.dataset) // self.batch_size)
        if epoch != self._epoch:
            self._order = Rng.of(self.seed, "epoch", epoch).permutation(len(self.dataset)).to(self.dataset.device)
            self._epoch = epoch
        self.taken += 1
        indices = self._order[position * self.batch_size : (position + 1) * self.batch_size]
        return self.dataset.images(indices).contiguous(memory_format=torch.channels_last)
