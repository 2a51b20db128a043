"""Recordings: work on a device recorded as CUDA graphs and replayed, so that the host launches one thing per step."""

import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from harness.errors import in_a_line
from harness.rng import Rng

WARM_UP = 3
"""How often a work is done eagerly before it is recorded, so that libraries have set up what they need."""

Recorder: TypeAlias = Callable[[Callable[[], Any], Sequence[Rng]], Callable[[], Any]]
"""Records a work on the device without doing it; the result does it on the same memory, again and again.

Generators that the work draws from go on from where they are in each replay, as they would if it were done anew.
"""


class CudaRecorder:
    """Records works as CUDA graphs that share their memory.

    They may, in whatever order they are replayed: nothing in that memory outlives a replay but outputs, and those
    are never given away.
    """

    def __init__(self) -> None:
        self._start_anew()
        self.recorded = 0
        """How many works."""

    def _start_anew(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def __call__(self, work: Callable[[], Any], rngs: Sequence[Rng]) -> Callable[[], Any]:
        """Record a work; its outputs are overwritten by each replay."""
        graph = torch.cuda.CUDAGraph()
        states = [rng.state for rng in rngs]
        with warnings.catch_warnings():  # Later versions of torch find generators by themselves, and say so.
            warnings.simplefilter("ignore")
            for rng in rngs:
                graph.register_generator_state(rng.generator)
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                outputs = work()
        except Exception:
            # What was in a recording that failed may still take itself to be in it.
            self._start_anew()
            for rng, state in zip(rngs, states, strict=True):
                rng.renew(state)
            raise
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
        what: how to call the works in a note.
        rngs: whatever works draw from.
    """

    def __init__(
        self, note: Callable[[str], None], recorder: Recorder, what: str = "steps", rngs: Sequence[Rng] = ()
    ) -> None:
        self._note = note
        self._recorder: Recorder | None = recorder
        self._what = what
        self._rngs = rngs
        self._done: dict[Hashable, int] = {}
        self._recordings: dict[Hashable, _Recording] = {}

    @property
    def refused(self) -> bool:
        """Whether a work could not be recorded."""
        return self._recorder is None

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
                self._recordings[key] = _Recording(
                    tensors, lambda own: work(tree_unflatten(own, form)), self._recorder, self._rngs
                )
            except Exception as error:  # Recording does nothing, so that the work can still be done.
                self._recorder = None
                self._note(f"{self._what} are not recorded as CUDA graphs: {in_a_line(error)}")
                return work(inputs)
        return self._recordings[key].replay(tensors)


class RecordedSteps:
    """Does training steps, recorded with their batches and draws, or if those cannot be recorded, without them.

    Args:
        note: told what cannot be recorded, and why.
        recorder: records works.
        rngs: whatever draws are made from.
    """

    def __init__(self, note: Callable[[str], None], recorder: Recorder, rngs: Sequence[Rng]) -> None:
        self._whole = Recordings(note, recorder, "batches and draws", rngs)
        self._updates = Recordings(note, recorder)

    def run(self, phase: Hashable, orders: Any, fetch: Callable[[Any], Any], train: Callable[[Any], Any]) -> Any:
        """What train(fetch(orders)) returns, which a later step may overwrite.

        Args:
            phase: steps of equal phase do the same.
            orders: tensors in lists, tuples and dictionaries.
            fetch: gathers batches and makes draws.
            train: does the updates on them.
        """
        if self._whole.refused:
            return self._updates.run(phase, fetch(orders), train)
        return self._whole.run(phase, orders, lambda own: train(fetch(own)))


class _Recording:
    """A recorded work, and the tensors that it reads its inputs from."""

    def __init__(
        self, tensors: list[Tensor], work: Callable[[list[Tensor]], Any], recorder: Recorder, rngs: Sequence[Rng]
    ) -> None:
        clones = {id(tensor): tensor.clone() for tensor in tensors}
        self._own = [clones[id(tensor)] for tensor in tensors]
        self._replay = recorder(lambda: work(self._own), rngs)

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
