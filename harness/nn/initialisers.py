"""Initial parameters from an explicit generator, in place."""

import math

import torch
from torch import Tensor, nn

from harness.rng import Rng


@torch.no_grad()
def normal_(tensor: Tensor, rng: Rng, *, mean: float = 0.0, std: float = 1.0) -> None:
    """Fill a tensor with draws from N(mean, std²), in place."""
    tensor.copy_(mean + std * rng.normal(*tensor.shape))


@torch.no_grad()
def truncated_normal_(tensor: Tensor, rng: Rng, *, std: float = 1.0) -> None:
    """Fill a tensor with draws from N(0, std²) that lie within two standard deviations, in place.

    `std` is that of the normal before truncation, as in TensorFlow; the numbers' own is 0.88 times that.
    """
    inside = math.erf(math.sqrt(2))  # probability of two standard deviations
    tensor.copy_(std * math.sqrt(2) * torch.erfinv(rng.uniform(*tensor.shape, low=-inside, high=inside)))


@torch.no_grad()
def uniform_(tensor: Tensor, rng: Rng, *, bound: float) -> None:
    """Fill a tensor with draws from U(-bound, bound), in place."""
    tensor.copy_(rng.uniform(*tensor.shape, low=-bound, high=bound))


def glorot_uniform_(tensor: Tensor, rng: Rng) -> None:
    """Fill a weight with U(-a, a), a² = 6 / (fan in + fan out) (Glorot & Bengio, 2010).

    `tensor` is the weight of a linear layer (2 dimensions) or of a convolution, transposed or not.
    """
    receptive_field = math.prod(tensor.shape[2:])
    uniform_(tensor, rng, bound=math.sqrt(6 / ((tensor.shape[0] + tensor.shape[1]) * receptive_field)))


def zero_bias_(layer: nn.Module) -> None:
    """Set a layer's bias, if it has one, to 0."""
    if isinstance(bias := getattr(layer, "bias", None), Tensor):
        nn.init.zeros_(bias)
