"""How much memory training a model takes: counted on small batches, on the CPU."""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.model import ImageSpec, Model
from harness.rng import Rng
from harness.training.gradients import gradients_of
from harness.training.model_outputs import draws_of, schedule_of

COUNTED = (4, 8)
"""Images in the batches that are counted; what a batch takes grows with it along a straight line."""

COPIES = 3
"""Of each parameter that stay: itself and two averages, which Adam keeps; other optimizers keep no more."""


def training_bytes(model: Model, image: ImageSpec, batch_size: int, steps: Sequence[int]) -> int:
    """Bytes that one training of a model takes: what stays, and the most that an update takes beside it.

    What kernels need for themselves, and what an allocator loses between tensors, comes on top.

    Args:
        model: on the CPU; it is not changed but for its batch statistics.
        image: of the images it is trained on.
        batch_size: images per batch.
        steps: training steps whose updates are counted; they may take more once something is switched on.
    """
    few, more = COUNTED
    peaks = [(_peak(model, image, few, step), _peak(model, image, more, step)) for step in steps]
    update = max(low + (high - low) * (batch_size - few) // (more - few) for low, high in peaks)
    return COPIES * sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers())) + update


def _peak(model: Model, image: ImageSpec, batch_size: int, step: int) -> int:
    """The most bytes that any update of a step has in use at once, the model's own left out."""
    rng, live = Rng(0), LiveBytes()
    schedule = {name: torch.tensor(value) for name, value in schedule_of(model, step).items()}
    paired = model.pairs() is not None
    count = batch_size * (2 if paired else 1)
    if paired:
        schedule["changed"] = torch.ones(batch_size, 1, dtype=torch.bool)
    for objective in model.objectives():
        if objective.when(step):
            with live:
                images = rng.uniform(count, image.channels, image.height, image.width)
                terms = objective.loss_at(step)(images, {**draws_of(model, count, rng), **schedule})
                gradients_of(terms, objective.parameters())
                del images, terms
    return live.most


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call] # of __init_subclass__
    """Adds up the tensors made under it that are still in use.

    Attributes:
        now: their bytes.
        most: the largest that `now` has been.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self._counted: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Count what one operation makes."""
        given = {_address(tensor) for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)}
        found = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, Tensor) and _address(tensor) not in given | self._counted:
                self._count(tensor.untyped_storage())
        return found

    def _count(self, storage: torch.UntypedStorage) -> None:
        address, nbytes = storage.data_ptr(), storage.nbytes()
        self._counted.add(address)
        self.now += nbytes
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._forget, address, nbytes)

    def _forget(self, address: int, nbytes: int) -> None:
        self._counted.discard(address)
        self.now -= nbytes


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
