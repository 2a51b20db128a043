"""The cost of a training step: floating-point operations, and bytes read and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from harness.training.engines.eager import EagerStepper
from harness.training.purity import Purity

COUNTED = (1, 2)
"""The steps counted: not the first, which may leave something out, and two, because some models take turns."""


@dataclass(frozen=True)
class Cost:
    """The cost of one training step of one model.

    Attributes:
        flop: floating-point operations of matrix products and convolutions; a multiplication and an addition are two.
        bytes: bytes that the eager engine's operations would read and write without any cache. An engine that fuses
            operations moves fewer.
    """

    flop: float
    bytes: float


def cost_of(engine: EagerStepper) -> Cost:
    """Count the cost of a step, by doing two steps with the engine: its model is trained by them."""
    # Not torch's FlopCounterMode, whose hooks on modules fail where `torch.func.grad` goes through one.
    counter = OperationCounter()
    engine.purity = Purity(rehearse=False)
    with counter:
        for step in COUNTED:
            engine.step(step)
    return Cost(counter.flop / len(COUNTED), counter.bytes / len(COUNTED))


class OperationCounter(TorchDispatchMode):  # type: ignore[no-untyped-call] # of __init_subclass__
    """Within this block adds up the floating-point operations of torch, and the sizes of tensors read and written."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flop = self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Carry out one operation of torch and count it."""
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if formula := flop_registry.get(func.overloadpacket):
            self.flop += formula(*args, **kwargs, out_val=found)
        read, written = _tensors((args, kwargs)), _tensors(found)
        # A view shares the storage of its argument and moves no data, unless it is an operation in place.
        in_place = func._schema.is_mutable
        own = {tensor.untyped_storage().data_ptr() for tensor in read}
        is_view = not in_place and any(tensor.untyped_storage().data_ptr() in own for tensor in written)
        if not is_view:
            self.bytes += sum(tensor.nbytes for tensor in (*read, *written))
        return found


def _tensors(values: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
