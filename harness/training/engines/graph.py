"""The graph engine: the eager engine, its steps recorded as CUDA graphs and replayed."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor

from harness.model import Model
from harness.rng import Rng
from harness.training.batches import Batches
from harness.training.engines.cuda_graphs import CudaRecorder, RecordedSteps, Recorder
from harness.training.engines.eager import EagerEngine, Order
from harness.training.optimizers import rate_like


class GraphEngine(EagerEngine):
    """One trial on a GPU. A step is one recording: its batches, draws, updates, and what the model does at its end.

    What is recorded depends on the objectives that are active and the losses that apply: each combination is
    done eagerly a few times, then recorded. Steps that re-initialise a network are done eagerly.

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
        self._steps = RecordedSteps(note, recorder or CudaRecorder(), [draws])
        self._rates: dict[str, float] = {}
        for optimizer in self.optimizers.values():
            optimizer.rate = rate_like(optimizer.parameters[0])

    def advance(self, step: int, orders: Sequence[Order]) -> dict[str, Tensor]:
        """Do a step whose orders are settled."""
        self._set_rates(step)
        if any(step in objective.reset_at for objective in self.objectives):
            return super().advance(step, orders)
        phase = tuple((o.name, o.loss_at(step)) for o in self.objectives if o.when(step))
        losses: dict[str, Tensor] = self._steps.run(phase, list(orders), self.fetch, partial(self.train, step))
        return losses

    def _set_rates(self, step: int) -> None:
        for name, optimizer in self.optimizers.items():
            rate = optimizer.spec.lr_at(step)
            if self._rates.get(name) != rate:
                assert optimizer.rate is not None
                optimizer.rate.fill_(rate)
                self._rates[name] = rate
