"""A stand-in for CUDA graphs on any device: operations are captured once, and run again on the same memory.

Python code of the model runs once, at capture, so that a replay repeats whatever a loss took from Python then;
operations that CUDA graphs forbid raise here, too. A model whose captured steps are its eager ones here can be trained
by the graph engine, and in captured fleets, before anyone has a GPU.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from harness.rng import Rng


class FakeCudaCapture:
    """Captures regions for `CapturedRegions`, as `CudaCapture` does on a GPU."""

    def __init__(self) -> None:
        self.captured = 0
        """How many regions."""

    def __call__(self, region: Callable[[], Any], rngs: Sequence[Rng]) -> Callable[[], Any]:
        """Capture a region without running it; its outputs are overwritten by each replay.

        Raises:
            RuntimeError: it does what a graph cannot hold.
        """
        states = [rng.state for rng in rngs]
        graph = _FakeGraph()
        try:
            with graph:
                outputs = region()
        finally:
            graph.rewind()
            for rng, state in zip(rngs, states, strict=True):
                rng.state = state
        self.captured += 1

        def replay() -> Any:
            graph.play()
            return outputs

        return replay


class _FakeGraph(TorchDispatchMode):  # type: ignore[no-untyped-call] # of __init_subclass__
    """Records the operations done within its block, and the contents of the memory that they start from."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls: list[tuple[OpOverload, Sequence[Any], Mapping[str, Any], list[Tensor]]] = []
        self._before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self._made: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        _refuse_what_waits(func, args)
        as_given = tree_map_only(Tensor, Tensor.detach, (args, kwargs))
        for storage in _storages((args, kwargs)):
            address = storage.data_ptr()
            if address not in self._before and address not in self._made:
                self._before[address] = storage, storage.clone()  # type: ignore[no-untyped-call]
        outputs = func(*args, **kwargs)
        made = [] if _aliases(func) else [leaf.detach() for leaf in _tensors(outputs)]
        # Kept, so that their memory is used for nothing else.
        self._made |= {storage.data_ptr(): storage for storage in _storages(made)}
        if made or (func._schema.is_mutable and torch.Tag.inplace_view not in func.tags):
            self._calls.append((func, *as_given, made))
        return outputs

    def rewind(self) -> None:
        """Restore the contents of the memory that operations started from, as capture runs nothing."""
        for storage, content in self._before.values():
            storage.copy_(content)
        self._before.clear()

    @torch.no_grad()
    def play(self) -> None:
        """Replay the operations on the same memory."""
        for func, args, kwargs, made in self._calls:
            outputs = func(*args, **kwargs)
            # An operation that made a tensor at capture makes another one now; later operations read the first.
            if made:
                for captured, value in zip(made, _tensors(outputs), strict=True):
                    captured.copy_(value)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    """The storages of all tensors of a tree."""
    return [tensor.untyped_storage() for tensor in _tensors(tree)]


def _aliases(func: OpOverload) -> bool:
    """Whether an operation returns memory of an argument: a view, or the argument itself."""
    return any(result.alias_info is not None for result in func._schema.returns)


def _refuse_what_waits(func: OpOverload, args: Sequence[Any]) -> None:
    """Raise for operations that need the GPU's results on the host, which a CUDA graph cannot hold."""
    if func is torch.ops.aten.index.Tensor and not any(_is_mask(index) for index in args[1]):
        return  # Only where a mask chooses does the result's size depend on its values.
    waits = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(func.tags)
    if waits or func is torch.ops.aten.lift_fresh.default:
        name = "torch.tensor or the like" if func is torch.ops.aten.lift_fresh.default else str(func)
        raise RuntimeError(f"{name} waits for the device, which a CUDA graph cannot")


def _is_mask(index: Tensor | None) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)
