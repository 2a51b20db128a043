"""CUDA graph capture: regions of work on a GPU are captured once and replayed, one launch per step.

A *region* is a function of input tensors that works on the device alone. Regions of one *key* launch the same kernels.
"""

import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from harness.errors import in_a_line
from harness.rng import Rng

I = TypeVar("I")  # noqa: E741 - inputs
M = TypeVar("M")  # what is in the middle
O = TypeVar("O")  # noqa: E741 - outputs

WARM_UP = 3
"""Eager calls of a region before its capture, in which libraries set up what they need."""


class Capture(Protocol):
    """Captures a region without running it."""

    def __call__(self, region: Callable[[], O], rngs: Sequence[Rng]) -> Callable[[], O]:
        """Return a function that runs the region again on the same memory and gives the same output tensors.

        Each replay advances the random generators as an eager call would.

        Args:
            region: what to capture.
            rngs: every generator that it draws from.

        Raises:
            Exception: the region does what a graph cannot hold.
        """


class CudaCapture:
    """Captures regions as CUDA graphs in one memory pool.

    Sharing the pool is safe in any order of replays: only outputs outlive a replay, and they are read before the next.

    Attributes:
        captured: how many regions.
    """

    def __init__(self) -> None:
        self._start_anew()
        self.captured = 0

    def _start_anew(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def __call__(self, region: Callable[[], O], rngs: Sequence[Rng]) -> Callable[[], O]:
        """Capture a region; its outputs are overwritten by each replay."""
        graph = torch.cuda.CUDAGraph()
        states = [rng.state for rng in rngs]
        with warnings.catch_warnings():  # Later versions of torch find generators by themselves, and say so.
            warnings.simplefilter("ignore")
            for rng in rngs:
                graph.register_generator_state(rng.generator)
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                outputs = region()
        except Exception:
            # A pool, a stream and generators that took part in a failed capture may stay in capture mode.
            self._start_anew()
            for rng, state in zip(rngs, states, strict=True):
                rng.renew(state)
            raise
        self.captured += 1

        def replay() -> O:
            graph.replay()
            return outputs

        return replay


class CapturedRegions:
    """Runs regions, and captures those that are run again.

    A graph reads its inputs, parameters, optimizer states and learning rates at fixed addresses. Inputs are copied
    there before each replay; the rest stays where it is. If one region cannot be captured, all run eagerly from then
    on.

    Args:
        note: told why regions cannot be captured.
        capture: captures regions.
        what: how to call the regions in a note.
        rngs: every generator that regions draw from.
    """

    def __init__(
        self, note: Callable[[str], None], capture: Capture, what: str = "steps", rngs: Sequence[Rng] = ()
    ) -> None:
        self._note = note
        self._capture: Capture | None = capture
        self._what = what
        self._rngs = rngs
        self._eager_calls: dict[Hashable, int] = {}
        self._graphs: dict[Hashable, _CapturedGraph[object]] = {}

    @property
    def refused(self) -> bool:
        """Whether a region could not be captured."""
        return self._capture is None

    def run(self, key: Hashable, inputs: I, region: Callable[[I], O]) -> O:
        """Return region(inputs), in tensors that a later run may overwrite.

        Args:
            key: regions of equal keys launch the same kernels.
            inputs: tensors in lists, tuples and dictionaries.
            region: what to run; nothing but tensors may be changed by it.
        """
        if self._capture is None:
            return region(inputs)
        tensors, form = tree_flatten(inputs)
        key = key, _sharing(tensors)
        if key not in self._graphs:
            calls = self._eager_calls[key] = self._eager_calls.get(key, 0) + 1
            if calls <= WARM_UP:
                return _on_a_side_stream(lambda: region(inputs))
            try:
                self._graphs[key] = _CapturedGraph(tensors, form, region, self._capture, self._rngs)
            except Exception as error:  # A capture runs nothing, so that the step can still be done eagerly.
                self._capture = None
                self._note(f"{self._what} are not captured as CUDA graphs: {in_a_line(error)}")
                return region(inputs)
        outputs: O = self._graphs[key].replay(tensors)  # type: ignore[assignment] # one key, one type of outputs
        return outputs


class CapturedSteps:
    """Runs training steps: captured with their batches and draws, or where those cannot be captured, without them.

    Args:
        note: told what cannot be captured, and why.
        capture: captures regions.
        rngs: every generator that draws are made from.
    """

    def __init__(self, note: Callable[[str], None], capture: Capture, rngs: Sequence[Rng]) -> None:
        self._whole = CapturedRegions(note, capture, "batches and draws", rngs)
        self._updates = CapturedRegions(note, capture)

    def run(self, key: Hashable, orders: I, fetch: Callable[[I], M], train: Callable[[M], O]) -> O:
        """Return train(fetch(orders)), in tensors that a later step may overwrite.

        Args:
            key: steps of equal keys launch the same kernels.
            orders: tensors in lists, tuples and dictionaries.
            fetch: gathers batches and makes draws.
            train: does the updates on them.
        """
        if self._whole.refused:
            return self._updates.run(key, fetch(orders), train)
        return self._whole.run(key, orders, lambda own: train(fetch(own)))


class _CapturedGraph(Generic[O]):
    """A captured region, and the tensors that it reads its inputs from; equal inputs share one."""

    def __init__(
        self,
        tensors: list[Tensor],
        form: TreeSpec,
        region: Callable[[I], O],
        capture: Capture,
        rngs: Sequence[Rng],
    ) -> None:
        clones = {id(tensor): tensor.clone() for tensor in tensors}
        self._own = [clones[id(tensor)] for tensor in tensors]
        self._replay = capture(lambda: region(tree_unflatten(self._own, form)), rngs)

    def replay(self, tensors: list[Tensor]) -> O:
        """Run the region on other inputs."""
        pairs = {id(own): (own, tensor) for own, tensor in zip(self._own, tensors, strict=True)}.values()
        if pairs:
            torch._foreach_copy_([own for own, _ in pairs], [tensor for _, tensor in pairs])
        return self._replay()


def _sharing(tensors: Sequence[Tensor]) -> tuple[int, ...]:
    """For each tensor the position of its first occurrence: (a, b, a) gives (0, 1, 0).

    It is part of a graph's key: a graph captured on inputs two of which were one tensor has one place for both, and
    would read a wrong one where they are two.
    """
    first: dict[int, int] = {}
    return tuple(first.setdefault(id(tensor), position) for position, tensor in enumerate(tensors))


def _on_a_side_stream(region: Callable[[], O]) -> O:
    """Run a region on a stream of its own, as torch asks for before a capture."""
    if not torch.cuda.is_available():
        return region()
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        outputs = region()
    torch.cuda.current_stream().wait_stream(stream)
    return outputs
