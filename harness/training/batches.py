"""Batches: shuffled passes over a dataset, gathered on the device."""

import torch
from torch import Tensor

from harness.data.held_out import split_images
from harness.dataset import Dataset
from harness.errors import UserError
from harness.rng import Rng
from harness.seeds import numpy_rng


class Batches:
    """An endless stream of batches: every epoch a new order, the last incomplete batch dropped.

    The order of epoch e depends on the seed and e alone, so the number of batches taken so far is
    the stream's whole state. Images that `harness.data.held_out` keeps from training are in no batch. Where some
    images are to be seen more often than others, an epoch is as many independent draws instead.

    Raises:
        UserError: fewer than `batch_size` images are left to train on.
    """

    def __init__(self, dataset: Dataset, batch_size: int, seed: int, held_out: int = 0) -> None:
        split = split_images(dataset, held_out)
        count = len(split.trained_on)
        if batch_size > count:
            which = "images that are left to train on" if count < len(dataset) else "images"
            raise UserError(f"training.batch_size: {batch_size} is more than the dataset's {count} {which}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self._trained_on = torch.from_numpy(split.trained_on)
        self._weights = split.weights
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
            self._order = self._trained_on[self._positions(epoch)].to(self.dataset.device)
            self._epoch = epoch
        self.taken += 1
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]

    def _positions(self, epoch: int) -> Tensor:
        """Which of the images that are trained on an epoch shows, in order."""
        count = len(self._trained_on)
        if self._weights is None:
            return Rng.of(self.seed, "epoch", epoch).permutation(count)
        return torch.from_numpy(numpy_rng(self.seed, "epoch", epoch).choice(count, count, p=self._weights))

    def gather(self, indices: Tensor) -> Tensor:
        """The images of a batch, (batch_size, C, H, W) in [0, 1], channels last in memory."""
        return self.dataset.images(indices).contiguous(memory_format=torch.channels_last)
