"""Objectives: which loss trains which networks, how often and with what optimizer."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

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
        """Check the types of all that is declared, so that mistakes are found before training.

        Raises:
            ContractError: something is of another kind, there is no update in a step, or no loss for the first step.
        """
        listed = isinstance(self.trains, list | tuple | nn.ModuleList)
        wrong = [each for each in self.trains if not isinstance(each, nn.Module)] if listed else [self.trains]
        if wrong:
            kind = f"of {_kind(wrong[0])}" if listed else _kind(wrong[0])
            self._refuse(f"`trains` is a list of networks, not {kind}")
        losses = self.loss.values() if isinstance(self.loss, Mapping) else [self.loss]
        if not losses or not all(map(callable, losses)):
            self._refuse(f"`loss` is a function, or functions by step, not {self.loss!r}")
        if not isinstance(self.optimizer, Optimizer):
            self._refuse(
                f"`optimizer` is one of harness, such as Adam(1e-3), not {_kind(self.optimizer)}: it is a declaration, "
                "and the harness keeps the state"
            )
        if not callable(self.when):
            self._refuse(f"`when` is a function of the step, such as lambda step: step >= 100, not {self.when!r}")
        if isinstance(self.loss, Mapping) and self.when is always and min(self.loss) > 0:
            first = min(self.loss)
            self._refuse(f"`loss` has no function before step {first}; add one from 0, or begin later by `when`")
        if not isinstance(self.repeats, int) or self.repeats < 1:
            self._refuse(f"`repeats` is a number of updates, 1 or more, not {self.repeats!r}")
        if not isinstance(self.reset_at, Collection) or not all(isinstance(step, int) for step in self.reset_at):
            self._refuse(f"`reset_at` is a list of steps, not {self.reset_at!r}")

    def _refuse(self, reason: str) -> NoReturn:
        raise ContractError(f"objective '{self.name}': {reason}")

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
