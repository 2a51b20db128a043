"""What a CUDA graph does, on any device: the operations of a work recorded once, and done again on the same memory.

No code of the model runs in a replay, so whatever a loss took from Python is frozen as it was when it was recorded,
and what may not happen while a graph is recorded is refused here too. A model whose recorded steps are its eager ones
on a tape can be trained by the graph engine, and in recorded fleets, before anyone has a GPU.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from harness.rng import Rng


class TapeRecorder:
    """Records works for `Recordings`."""

    def __init__(self) -> None:
        self.recorded = 0
        """How many works."""

    def __call__(self, work: Callable[[], Any], rngs: Sequence[Rng]) -> Callable[[], Any]:
        """Record a work without doing it; its outputs are overwritten by each replay.

        Raises:
            RuntimeError: it does what a recording cannot do.
        """
        states = [rng.state for rng in rngs]
        tape = _Tape()
        try:
            with tape:
                outputs = work()
        finally:
            tape.rewind()
            for rng, state in zip(rngs, states, strict=True):
                rng.state = state
        self.recorded += 1

        def replay() -> Any:
            tape.play()
            return outputs

        return replay


class _Tape(TorchDispatchMode):  # type: ignore[no-untyped-call] # of __init_subclass__
    """The operations done within it, and what was in memory before."""

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
            place = storage.data_ptr()
            if place not in self._before and place not in self._made:
                self._before[place] = storage, storage.clone()  # type: ignore[no-untyped-call]
        outputs = func(*args, **kwargs)
        made = [] if _aliases(func) else [leaf.detach() for leaf in _tensors(outputs)]
        # Kept, so that their memory is used for nothing else.
        self._made |= {storage.data_ptr(): storage for storage in _storages(made)}
        if made or (func._schema.is_mutable and torch.Tag.inplace_view not in func.tags):
            self._calls.append((func, *as_given, made))
        return outputs

    def rewind(self) -> None:
        """Put back what was in memory before."""
        for storage, content in self._before.values():
            storage.copy_(content)
        self._before.clear()

    @torch.no_grad()
    def play(self) -> None:
        """Do the operations again, on the same memory."""
        for func, args, kwargs, made in self._calls:
            found = func(*args, **kwargs)
            if made:
                for place, value in zip(made, _tensors(found), strict=True):
                    place.copy_(value)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    """Where the tensors of a tree lie."""
    return [tensor.untyped_storage() for tensor in _tensors(tree)]


def _aliases(func: OpOverload) -> bool:
    """Whether what it returns lies where an argument does."""
    return any(result.alias_info is not None for result in func._schema.returns)


def _refuse_what_waits(func: OpOverload, args: Sequence[Any]) -> None:
    """Operations for which a GPU and its host would have to wait for each other."""
    if func is torch.ops.aten.index.Tensor and not any(_is_mask(index) for index in args[1]):
        return  # Only where a mask chooses does the result's size depend on its values.
    waits = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(func.tags)
    if waits or func is torch.ops.aten.lift_fresh.default:
        name = "torch.tensor or the like" if func is torch.ops.aten.lift_fresh.default else str(func)
        raise RuntimeError(f"{name} waits for the device, which a recording cannot")


def _is_mask(index: Tensor | None) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)
