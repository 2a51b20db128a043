"""Optimizers, as a model declares them: what turns gradients into updates. The harness keeps their state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

LearningRate: TypeAlias = float | Callable[[int], float]


@dataclass(frozen=True)
class Optimizer:
    """Base class of the optimizers that an objective may have.

    Attributes:
        lr: the learning rate, a number or a function of the training step, which counts from 0.
        clip: the largest Euclidean norm of the objective's whole gradient, as one vector; a longer one is shortened to
            it before it is used (`torch.nn.utils.clip_grad_norm_`). None leaves gradients alone.
        clip_value: the largest absolute value of each number of a gradient; larger ones are cut
            (`torch.nn.utils.clip_grad_value_`), after `clip`. None leaves them alone.
    """

    lr: LearningRate
    clip: float | None = None
    clip_value: float | None = None

    def lr_at(self, step: int) -> float:
        """The learning rate of one step."""
        return self.lr(step) if callable(self.lr) else self.lr


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba, 2015).

    `weight_decay` adds that multiple of each parameter to its gradient (an L2 term, not the decoupled kind, which is
    `AdamW`'s).
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


@dataclass(frozen=True)
class AdamW(Optimizer):
    """AdamW (Loshchilov & Hutter, 2019): Adam whose weight decay is decoupled from the gradient.

    Before each update every parameter shrinks by `lr` times `weight_decay` of itself; with `decay_vectors=False` those
    of less than two dimensions, such as biases and scales, do not.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01
    decay_vectors: bool = True


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton, 2012), with torch's defaults: `eps` is added to the root of the average, not within.

    `alpha` smooths the average of squared gradients, `momentum` that of updates; `weight_decay` adds that multiple of
    each parameter to its gradient.
    """

    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with the velocity of Sutskever et al. (2013) as torch has it.

    `momentum` smooths gradients, which `nesterov` looks ahead along; `weight_decay` adds that multiple of each
    parameter to its gradient.
    """

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
