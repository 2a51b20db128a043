"""Objectives: which loss trains which networks, how often and with what optimizer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor, nn

from harness.errors import ContractError
from harness.optimizer import Optimizer

Draws: TypeAlias = Mapping[str, Tensor]
Loss: TypeAlias = Callable[[Tensor, Draws], dict[str, Tensor]]


def always(step: int) -> bool:
    """True at every step: the default for `Objective.when`."""
    return True


@dataclass(frozen=True)
class Objective:
    """One optimizer update, or several equal ones, within a training step.

    A model lists its objectives in update order. Each names the networks it trains; no other
    parameter receives a gradient from it, whatever the loss touches.

    Attributes:
        name: unique among the model's objectives; the history's columns begin with it.
        trains: the networks whose parameters this objective updates.
        loss: a pure function (images, draws) -> named scalar terms, whose sum is minimised; images
            are (N, C, H, W) in [0, 1]. Or several functions by the step from which each applies,
            for a term that switches on late: `{0: self.plain, 288_000: self.with_contrast}`.
        optimizer: what turns gradients into updates; one of `harness.optimizer`.
        repeats: updates per step.
        fresh: give each update a new batch and new draws. Otherwise it sees those of the update
            before it; the first update of a step always sees new ones.
        when: the steps at which the objective is active.
        reset_at: steps before which the networks are re-initialised (`Model.initialise`; buffers
            stay) and the optimizer's state is cleared.
    """

    name: str
    trains: Sequence[nn.Module]
    loss: Loss | Mapping[int, Loss]
    optimizer: Optimizer
    repeats: int = 1
    fresh: bool = False
    when: Callable[[int], bool] = always
    reset_at: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Check the types of networks, loss and optimizer, so that mistakes are found before training.

        Raises:
            ContractError: the networks, the loss or the optimizer are of another kind.
        """
        listed = isinstance(self.trains, list | tuple | nn.ModuleList)
        wrong = [each for each in self.trains if not isinstance(each, nn.Module)] if listed else [self.trains]
        if wrong:
            kind = f"of {_kind(wrong[0])}" if listed else _kind(wrong[0])
            raise ContractError(f"objective '{self.name}': `trains` is a list of networks, not {kind}")
        losses = self.loss.values() if isinstance(self.loss, Mapping) else [self.loss]
        if not losses or not all(map(callable, losses)):
            raise ContractError(
                f"objective '{self.name}': `loss` is a function, or functions by step, not {self.loss!r}"
            )
        if not isinstance(self.optimizer, Optimizer):
            raise ContractError(
                f"objective '{self.name}': `optimizer` is one of harness, such as Adam(1e-3), not "
                f"{_kind(self.optimizer)}: it is a declaration, and the harness keeps the state"
            )

    def loss_at(self, step: int) -> Loss:
        """The loss function that applies at a step."""
        if callable(self.loss):
            return self.loss
        return self.loss[max(start for start in self.loss if start <= step)]

    def parameters(self) -> list[nn.Parameter]:
        """The trained parameters, each once, in a fixed order; those that require no gradient are not trained."""
        unique = {id(p): p for network in self.trains for p in network.parameters() if p.requires_grad}
        return list(unique.values())


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
