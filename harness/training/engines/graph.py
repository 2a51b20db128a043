"""The graph stepper: the eager one, its steps captured as CUDA graphs and replayed."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor

from harness.model import Model
from harness.rng import Rng
from harness.training.batches import Batches
from harness.training.engines.cuda_graphs import Capture, CapturedSteps, CudaCapture
from harness.training.engines.eager import EagerStepper, Order
from harness.training.optimizers import rate_like


class GraphStepper(EagerStepper):
    """Steps one trial on a GPU, each step a replay of one graph: its batches, draws, updates and `finish_step`.

    A graph's key is the active objectives with the losses that apply: each combination is run eagerly a few times, then
    captured. Steps that re-initialise a network are run eagerly.

    Args:
        model: in training mode.
        batches: gives `fresh` updates their images.
        draws: the generator handed to `Model.draw`, on the model's device.
        resets: the generator that re-initialises networks, on the CPU.
        precision: "bfloat16" has losses computed under autocast.
        note: told why steps cannot be captured.
        capture: captures steps.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches,
        draws: Rng,
        resets: Rng,
        precision: str,
        note: Callable[[str], None],
        capture: Capture | None = None,
    ) -> None:
        super().__init__(model, batches, draws, resets, precision)
        self._steps = CapturedSteps(note, capture or CudaCapture(), [draws])
        self._rates: dict[str, float] = {}
        for optimizer in self.optimizers.values():
            optimizer.rate = rate_like(optimizer.parameters[0])

    def advance(self, step: int, orders: Sequence[Order]) -> dict[str, Tensor]:
        """Do a step whose batch orders have been drawn."""
        self._set_rates(step)
        if any(step in objective.reset_at for objective in self.objectives):
            return super().advance(step, orders)
        key = tuple((o.name, o.loss_at(step)) for o in self.objectives if o.when(step))
        losses: dict[str, Tensor] = self._steps.run(key, list(orders), self.fetch, partial(self.train, step))
        return losses

    def _set_rates(self, step: int) -> None:
        for name, optimizer in self.optimizers.items():
            rate = optimizer.spec.lr_at(step)
            if self._rates.get(name) != rate:
                assert optimizer.rate is not None
                optimizer.rate.fill_(rate)
                self._rates[name] = rate
