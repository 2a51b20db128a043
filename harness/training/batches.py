"""Batches: shuffled passes over a dataset, gathered on the device, as images or as pairs of them."""

import numpy as np
import torch
from torch import Tensor

from harness.data.checks import ImageWatch, asked
from harness.data.held_out import split_images
from harness.dataset import Dataset, GroundTruthDataset
from harness.errors import NotApplicableError, UserError
from harness.factors import Indices
from harness.pairs import Pairs
from harness.rng import Rng
from harness.seeds import numpy_rng

TRIES = 1000
"""How often partners are drawn again that are not trained on."""


class Batches:
    """An endless stream of batches: every epoch a new order, the last incomplete batch dropped.

    The order of epoch e depends on the seed and e alone, so the number of batches taken so far is
    the stream's whole state. Images that `harness.data.held_out` keeps from training are in no batch. Where some
    images are to be seen more often than others, an epoch is as many independent draws instead.

    A batch of pairs has 2N images, the partners of the first N last. Partners depend on the seed and the epoch in the
    same way, and are trained on themselves: how often, where some are seen more often, is not kept to.

    Args:
        dataset: loaded.
        batch_size: images, or pairs of them, in a batch.
        seed: of the stream.
        held_out: how many images are kept from training.
        pairs: how partners are drawn; None for batches of single images.
        name: of the dataset, for messages.

    Raises:
        UserError: fewer than `batch_size` images are left to train on, or the dataset has no factors to make pairs of.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        seed: int,
        held_out: int = 0,
        pairs: Pairs | None = None,
        name: str = "",
    ) -> None:
        split = split_images(dataset, held_out)
        count = len(split.trained_on)
        if batch_size > count:
            which = "images that are left to train on" if count < len(dataset) else "images"
            raise UserError(f"training.batch_size: {batch_size} is more than the dataset's {count} {which}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.pairs = pairs
        if pairs is not None and not dataset.has_partners():
            raise UserError(f"{type(dataset).__name__} has no factors that pairs of images could share")
        self._trained_on = torch.from_numpy(split.trained_on)
        self._weights = split.weights
        self._name = name or type(dataset).__name__
        self._watch = ImageWatch(dataset, self._name, self.images)
        self.taken = 0
        self._epoch = -1
        self._order = self._partners = torch.empty(0, dtype=torch.int64)
        self._changed: Tensor | None = None

    @property
    def images(self) -> int:
        """How many images a batch has, partners among them."""
        return self.batch_size * (1 if self.pairs is None else 2)

    def next(self) -> Tensor:
        """The next batch, (batch_size, C, H, W) in [0, 1], channels last in memory."""
        return self.gather(self.next_indices())

    def next_indices(self) -> Tensor:
        """Which images the next batch is made of, int64 (batch_size,), or (2 batch_size,) of pairs; on the device."""
        return self.next_order()[0]

    def next_order(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Which images the next batch is made of, and what is known of its pairs; both on the dataset's device.

        Returns:
            The indices, and of a dataset with factors `changed`: which factors differ, bool (batch_size, F).
        """
        epoch, position = divmod(self.taken, len(self._trained_on) // self.batch_size)
        if epoch != self._epoch:
            self._begin(epoch)
        self.taken += 1
        part = slice(position * self.batch_size, (position + 1) * self.batch_size)
        if self.pairs is None:
            return self._order[part], {}
        known = {} if self._changed is None else {"changed": self._changed[part]}
        return torch.cat([self._order[part], self._partners[part]]), known

    def _begin(self, epoch: int) -> None:
        """Settle the order of an epoch and the partners of its images."""
        order, device = self._trained_on[self._positions(epoch)], self.dataset.device
        self._order, self._epoch = order.to(device), epoch
        if self.pairs is None:
            return
        images = order.numpy()
        partners = self._draw_partners(images, self.pairs, numpy_rng(self.seed, "partners", epoch))
        self._partners = torch.from_numpy(partners).to(device)
        if isinstance(self.dataset, GroundTruthDataset):
            ids = self.dataset.factors.ids
            self._changed = torch.from_numpy(ids(images) != ids(partners)).to(device)

    def _draw_partners(self, images: Indices, pairs: Pairs, rng: np.random.Generator) -> Indices:
        """A partner for each image (N,), which is trained on itself.

        Raises:
            UserError: an image has none.
        """
        allowed = np.zeros(len(self.dataset), dtype=bool)
        allowed[self._trained_on.numpy()] = True
        partners, left = images.copy(), np.arange(len(images))
        for _ in range(TRIES):
            try:
                partners[left] = self.dataset.partners(images[left], pairs, rng)
            except NotApplicableError as error:
                raise UserError(f"the dataset's images cannot be paired: {error}") from error
            left = left[~allowed[partners[left]]]
            if not len(left):
                return partners
        raise UserError(
            f"image {images[left[0]]} has no partner among the images that are trained on: {pairs} draws others only"
        )

    def _positions(self, epoch: int) -> Tensor:
        """Which of the images that are trained on an epoch shows, in order."""
        count = len(self._trained_on)
        if self._weights is None:
            return Rng.of(self.seed, "epoch", epoch).permutation(count)
        return torch.from_numpy(numpy_rng(self.seed, "epoch", epoch).choice(count, count, p=self._weights))

    def gather(self, indices: Tensor) -> Tensor:
        """The images of a batch, (batch_size, C, H, W) in [0, 1], channels last in memory."""
        images = asked(self.dataset, "images", indices, self._name)
        self._watch.see(indices, images)
        return images.contiguous(memory_format=torch.channels_last)

    def check(self) -> None:
        """Tell of what was wrong with images that have been gathered; waits for the device.

        Raises:
            ContractError: some were not what the dataset promises.
        """
        self._watch.check()
