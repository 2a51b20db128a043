"""Log densities and divergences in nats, in closed form: pure, without checks that look at the data."""

import math

from torch import Tensor
from torch.nn import functional


def normal_log_density(x: Tensor, mean: Tensor, log_std: Tensor | None = None) -> Tensor:
    """log N(x; mean, diag(std²)) of (..., D) values, (...): summed over the last dimension; std 1 by default."""
    distance = x - mean
    if log_std is not None:
        distance = distance * (-log_std).exp()
    density = -0.5 * distance.square() - 0.5 * math.log(2 * math.pi)
    return (density if log_std is None else density - log_std).sum(-1)


def categorical_log_probability(one_hot: Tensor, logits: Tensor) -> Tensor:
    """log p of the chosen category given (..., K) one-hot rows and logits, (...)."""
    return (one_hot * functional.log_softmax(logits, dim=-1)).sum(-1)


def normal_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)), elementwise."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1)
