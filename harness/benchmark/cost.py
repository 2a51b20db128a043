"""What a training step costs: floating-point operations, and bytes read and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from harness.training.eager import EagerEngine

COUNTED = (1, 2)
"""The steps counted: not the first, which may leave something out, and two, because some models take turns."""


@dataclass(frozen=True)
class Cost:
    """Of one step of one model.

    Attributes:
        flop: floating-point operations of matrix products and convolutions; a multiplication and an addition are two.
        bytes: what the eager engine's operations read and write, were nothing kept in caches. An engine that fuses
            operations moves less.
    """

    flop: float
    bytes: float


def cost_of(engine: EagerEngine) -> Cost:
    """Count what a step costs; steps the engine."""
    traffic = Traffic()
    with FlopCounterMode(display=False) as counter, traffic:
        for step in COUNTED:
            engine.step(step)
    return Cost(counter.get_total_flops() / len(COUNTED), traffic.bytes / len(COUNTED))


class Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call] # of __init_subclass__
    """Adds up the sizes of all tensors that operations read and write."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Count one operation."""
        found = func(*args, **(kwargs or {}))
        read, written = _tensors((args, kwargs)), _tensors(found)
        in_place = func._schema.is_mutable
        own = {tensor.untyped_storage().data_ptr() for tensor in read}
        is_view = not in_place and any(tensor.untyped_storage().data_ptr() in own for tensor in written)
        if not is_view:
            self.bytes += sum(tensor.nbytes for tensor in (*read, *written))
        return found


def _tensors(values: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
