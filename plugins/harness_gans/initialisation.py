"""The initial parameters that DCGAN (Radford et al., 2016) introduced and its descendants' code kept."""

from torch import Tensor, nn

from harness import Rng
from harness.nn.initialisers import normal_, truncated_normal_, zero_bias_


def initialise_gan_layer(layer: nn.Module, rng: Rng, *, gain_std: float = 0.0) -> None:
    """Convolutions truncated normal, linear and transposed convolutions normal, all with standard deviation 0.02.

    Batch normalisation's gains are N(1, gain_std²). Biases are 0.
    """
    weight = layer.weight
    assert isinstance(weight, Tensor)
    if isinstance(layer, nn.Conv2d):
        truncated_normal_(weight, rng, std=0.02)
    elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        normal_(weight, rng, mean=1.0, std=gain_std)
    else:
        normal_(weight, rng, std=0.02)
    zero_bias_(layer)
