"""Initial parameters: those that DCGAN (Radford et al., 2016) introduced and its descendants kept, and WGAN-GP's."""

import math

from torch import Tensor, nn

from harness import Rng
from harness.nn import glorot_uniform_, normal_, truncated_normal_, uniform_, zero_bias_


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


def initialise_dcgan_layer(layer: nn.Module, rng: Rng) -> None:
    """Weights N(0, 0.02²), gains of batch normalisation N(1, 0.02²), biases 0."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    gain = isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
    normal_(weight, rng, mean=1.0 if gain else 0.0, std=0.02)
    zero_bias_(layer)


def initialise_wgan_layer(layer: nn.Module, rng: Rng) -> None:
    """Linear layers Glorot uniform; convolutions uniform with variance 4 / (fan in + fan out); gains 1, biases 0.

    The fan on the side of the smaller image is divided by the square of the stride, as in WGAN-GP's code.
    """
    weight = layer.weight
    assert isinstance(weight, Tensor)
    if isinstance(layer, nn.Linear):
        glorot_uniform_(weight, rng)
    elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        # Of both kinds of weight the second dimension is the channels of the larger image.
        small, large, height, width = weight.shape
        fans = height * width * (small / math.prod(layer.stride) + large)
        uniform_(weight, rng, bound=math.sqrt(3 * 4 / fans))
    else:
        nn.init.ones_(weight)
    zero_bias_(layer)
