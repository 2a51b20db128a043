"""Recordings: work on a device recorded as CUDA graphs and replayed, so that the host launches one thing per step."""

from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from harness.errors import in_a_line

WARM_UP = 3
"""How often a work is done eagerly before it is recorded, so that libraries have set up what they need."""

Recorder: TypeAlias = Callable[[Callable[[], Any]], Callable[[], Any]]
"""Records a work on the device without doing it; the result does it on the same memory, again and again."""


class CudaRecorder:
    """Records works as CUDA graphs that share their memory.

    They may, in whatever order they are replayed: nothing in that memory outlives a replay but outputs, and those
    are never given away.
    """

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self.recorded = 0
        """How many works."""

    def __call__(self, work: Callable[[], Any]) -> Callable[[], Any]:
        """Record a work; its outputs are overwritten by each replay."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            outputs = work()
        self.recorded += 1

        def replay() -> Any:
            graph.replay()
            return outputs

        return replay


class Recordings:
    """Does works, and records those that come again.

    Works of one phase do the same on the device, but for the values of their inputs and of tensors that lie where
    they lay: parameters, optimizers' states, learning rates. Inputs are copied to where the recording reads them.
    If one work cannot be recorded, all are done eagerly from then on.

    Args:
        note: told why works cannot be recorded.
        recorder: records works.
    """

    def __init__(self, note: Callable[[str], None], recorder: Recorder) -> None:
        self._note = note
        self._recorder: Recorder | None = recorder
        self._done: dict[Hashable, int] = {}
        self._recordings: dict[Hashable, _Recording] = {}

    def run(self, phase: Hashable, inputs: Any, work: Callable[[Any], Any]) -> Any:
        """What work(inputs) returns, which a later run may overwrite.

        Args:
            phase: works of equal phase are the same.
            inputs: tensors in lists, tuples and dictionaries; which of them are one is part of the phase.
            work: what to do; nothing but tensors may be changed by it.
        """
        if self._recorder is None:
            return work(inputs)
        tensors, form = tree_flatten(inputs)
        first = {id(tensor): number for number, tensor in reversed(list(enumerate(tensors)))}
        key = phase, tuple(first[id(tensor)] for tensor in tensors)
        if key not in self._recordings:
            done = self._done[key] = self._done.get(key, 0) + 1
            if done <= WARM_UP:
                return _aside(lambda: work(inputs))
            try:
                self._recordings[key] = _Recording(tensors, lambda own: work(tree_unflatten(own, form)), self._recorder)
            except Exception as error:  # Recording does nothing, so that the work can still be done.
                self._recorder = None
                self._note(f"steps are not recorded as CUDA graphs: {in_a_line(error)}")
                return work(inputs)
        return self._recordings[key].replay(tensors)


class _Recording:
    """A recorded work, and the tensors that it reads its inputs from."""

    def __init__(self, tensors: list[Tensor], work: Callable[[list[Tensor]], Any], recorder: Recorder) -> None:
        clones = {id(tensor): tensor.clone() for tensor in tensors}
        self._own = [clones[id(tensor)] for tensor in tensors]
        self._replay = recorder(lambda: work(self._own))

    def replay(self, tensors: list[Tensor]) -> Any:
        """Do the work on other inputs."""
        pairs = {id(own): (own, tensor) for own, tensor in zip(self._own, tensors, strict=True)}.values()
        if pairs:
            torch._foreach_copy_([own for own, _ in pairs], [tensor for _, tensor in pairs])
        return self._replay()


def _aside(work: Callable[[], Any]) -> Any:
    """Do a work on a stream of its own, as torch asks for before a recording."""
    if not torch.cuda.is_available():
        return work()
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        found = work()
    torch.cuda.current_stream().wait_stream(stream)
    return found
