"""The graph engine: whole steps recorded as CUDA graphs and replayed, so that the host launches one thing per step."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from harness.errors import in_a_line
from harness.model import Model
from harness.rng import Rng
from harness.training.batches import Batches
from harness.training.eager import EagerEngine, Inputs

WARM_UP = 3
"""Steps done eagerly before one is recorded, so that libraries have set up all they set up at first use."""

Losses: TypeAlias = dict[str, Tensor]
Recorder: TypeAlias = Callable[[Callable[[], Losses]], Callable[[], Losses]]
"""Records a work on the device without doing it; the result does it on the same memory, again and again."""


class CudaRecorder:
    """Records works as CUDA graphs that share their memory.

    They may, in whatever order they are replayed: nothing in that memory outlives a replay but outputs, and those
    are never given away.
    """

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Callable[[], Losses]) -> Callable[[], Losses]:
        """Record a work; its outputs are overwritten by each replay."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            outputs = work()

        def replay() -> Losses:
            graph.replay()
            return outputs

        return replay


class GraphEngine(EagerEngine):
    """One trial on a GPU. Batches and draws are made as ever and copied to where the recording reads them.

    What is recorded depends on the objectives that are active and the losses that apply: each combination is
    done eagerly a few times, then recorded once. Steps that re-initialise a network are done eagerly. If a step
    cannot be recorded, all are done eagerly.

    Args:
        model: in training mode.
        batches: gives `fresh` updates their images.
        draws: the generator handed to `Model.draw`, on the model's device.
        resets: the generator that re-initialises networks, on the CPU.
        precision: "bfloat16" has losses computed under autocast.
        note: told why steps cannot be recorded.
        recorder: records steps.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches,
        draws: Rng,
        resets: Rng,
        precision: str,
        note: Callable[[str], None],
        recorder: Recorder | None = None,
    ) -> None:
        super().__init__(model, batches, draws, resets, precision)
        self._note = note
        self._recorder: Recorder | None = recorder or CudaRecorder()
        self._done: dict[Hashable, int] = {}
        self._recordings: dict[Hashable, _Recording] = {}
        for optimizer in self.optimizers.values():
            optimizer.rate = torch.zeros((), device=draws.device)
        self._rates: dict[str, float] = {}

    def advance(self, step: int, inputs: Sequence[Inputs]) -> Losses:
        """Do the updates of a step on their inputs."""
        self._set_rates(step)
        if self._recorder is None or any(step in objective.reset_at for objective in self.objectives):
            return super().advance(step, inputs)
        phase = self._phase(step, inputs)
        if phase not in self._recordings:
            done = self._done[phase] = self._done.get(phase, 0) + 1
            if done <= WARM_UP or not self._record(phase, step, inputs):
                return self._aside(step, inputs)
        return self._recordings[phase].replay(inputs)

    def _phase(self, step: int, inputs: Sequence[Inputs]) -> Hashable:
        """Steps of one phase do the same on the device, but for the values of inputs and learning rates."""
        losses = [(o.name, o.loss_at(step)) for o in self.objectives if o.when(step)]
        numbers = {id(each): number for number, each in reversed(list(enumerate(inputs)))}
        return tuple(losses), tuple(numbers[id(each)] for each in inputs)

    def _record(self, phase: Hashable, step: int, inputs: Sequence[Inputs]) -> bool:
        assert self._recorder is not None
        try:
            self._recordings[phase] = _Recording(
                lambda static: EagerEngine.advance(self, step, static), inputs, self._recorder
            )
        except Exception as error:  # Recording changes nothing, so the step can still be done eagerly.
            self._note(f"steps are not recorded as CUDA graphs: {in_a_line(error)}")
            self._recorder = None
        return self._recorder is not None

    def _aside(self, step: int, inputs: Sequence[Inputs]) -> Losses:
        """Do a step eagerly on a stream of its own, as torch asks for before a recording."""
        if not torch.cuda.is_available():
            return super().advance(step, inputs)
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            losses = super().advance(step, inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return losses

    def _set_rates(self, step: int) -> None:
        for name, optimizer in self.optimizers.items():
            rate = optimizer.spec.lr_at(step)
            if self._rates.get(name) != rate:
                assert optimizer.rate is not None
                optimizer.rate.fill_(rate)
                self._rates[name] = rate


class _Recording:
    """A recorded step and the tensors that it reads its inputs from."""

    def __init__(
        self, work: Callable[[Sequence[Inputs]], Losses], inputs: Sequence[Inputs], recorder: Recorder
    ) -> None:
        own = {id(each): (each[0].clone(), {name: value.clone() for name, value in each[1].items()}) for each in inputs}
        self._inputs = [own[id(each)] for each in inputs]
        self._replay = recorder(lambda: work(self._inputs))

    def replay(self, inputs: Sequence[Inputs]) -> Losses:
        """Do the step on other inputs."""
        filled = set()
        for own, (images, draws) in zip(self._inputs, inputs, strict=True):
            if id(own) not in filled:
                filled.add(id(own))
                own[0].copy_(images)
                for name, value in draws.items():
                    own[1][name].copy_(value)
        return self._replay()
