"""Batches: shuffled passes over a dataset, gathered on the device."""

import torch
from torch import Tensor

from harness.data.held_out import split_held_out
from harness.dataset import Dataset
from harness.errors import UserError
from harness.rng import Rng


class Batches:
    """An endless stream of batches: every epoch a new order, the last incomplete batch dropped.

    The order of epoch e depends on the seed and e alone, so the number of batches taken so far is
    the stream's whole state. `held_out` images, chosen by `harness.data.held_out`, are in no batch.

    Raises:
        UserError: fewer than `batch_size` images are left to train on.
    """

    def __init__(self, dataset: Dataset, batch_size: int, seed: int, held_out: int = 0) -> None:
        trained_on, _ = split_held_out(len(dataset), held_out)
        if batch_size > len(trained_on):
            which = "images that are left to train on" if held_out else "images"
            raise UserError(f"training.batch_size: {batch_size} is more than the dataset's {len(trained_on)} {which}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self._trained_on = torch.from_numpy(trained_on)
        self.taken = 0
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def next(self) -> Tensor:
        """The next batch, (batch_size, C, H, W) in [0, 1], channels last in memory."""
        return self.gather(self.next_indices())

    def next_indices(self) -> Tensor:
        """Which images the next batch is made of, int64 (batch_size,), on the dataset's device."""
        epoch, position = divmod(self.taken, len(self._trained_on) // self.batch_size)
        if epoch != self._epoch:
            order = Rng.of(self.seed, "epoch", epoch).permutation(len(self._trained_on))
            self._order = self._trained_on[order].to(self.dataset.device)
            self._epoch = epoch
        self.taken += 1
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]

    def gather(self, indices: Tensor) -> Tensor:
        """The images of a batch, (batch_size, C, H, W) in [0, 1], channels last in memory."""
        return self.dataset.images(indices).contiguous(memory_format=torch.channels_last)
