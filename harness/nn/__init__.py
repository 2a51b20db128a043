"""Layers, initialisers and losses that models share, for built-in and other plugins.

    initialisers    initial parameters from an explicit generator
    convolution     strided convolutions with TensorFlow's SAME padding
    spectral        spectral normalisation that can be vmapped
    densities       log densities and divergences of the usual distributions
    sizes           how layers follow from the image size and a width multiplier
    doubles         numbers in double precision, wherever they lie
    MovingAverage   a copy of a network whose parameters are averages over the training
    modes           a network in inference mode inside a loss
    OptimizerState  an optimizer of a network that a metric trains; models declare theirs instead

Batch normalisation is torch's own: epsilon 1e-5 and momentum 0.1 (a moving-average decay of 0.9) are
the values that the papers use too.
"""

from typing import TYPE_CHECKING

from harness._exports import lazily

if TYPE_CHECKING:
    from harness.nn.convolution import SameConv2d as SameConv2d
    from harness.nn.convolution import SameConvTranspose2d as SameConvTranspose2d
    from harness.nn.densities import categorical_log_probability as categorical_log_probability
    from harness.nn.densities import normal_kl as normal_kl
    from harness.nn.densities import normal_log_density as normal_log_density
    from harness.nn.doubles import to_double as to_double
    from harness.nn.initialisers import glorot_uniform_ as glorot_uniform_
    from harness.nn.initialisers import normal_ as normal_
    from harness.nn.initialisers import truncated_normal_ as truncated_normal_
    from harness.nn.initialisers import uniform_ as uniform_
    from harness.nn.initialisers import zero_bias_ as zero_bias_
    from harness.nn.modes import inference as inference
    from harness.nn.moving_average import MovingAverage as MovingAverage
    from harness.nn.sizes import halvings as halvings
    from harness.nn.sizes import scaled as scaled
    from harness.nn.spectral import SpectralConv2d as SpectralConv2d
    from harness.nn.spectral import SpectralLinear as SpectralLinear
    from harness.nn.spectral import update_spectral_norms as update_spectral_norms
    from harness.training.optimizers import OptimizerState as OptimizerState

__all__, __getattr__ = lazily(
    __name__,
    {
        "harness.nn.convolution": (
            "SameConv2d",
            "SameConvTranspose2d",
        ),
        "harness.nn.densities": (
            "categorical_log_probability",
            "normal_kl",
            "normal_log_density",
        ),
        "harness.nn.doubles": ("to_double",),
        "harness.nn.initialisers": (
            "glorot_uniform_",
            "normal_",
            "truncated_normal_",
            "uniform_",
            "zero_bias_",
        ),
        "harness.nn.modes": ("inference",),
        "harness.nn.moving_average": ("MovingAverage",),
        "harness.nn.sizes": (
            "halvings",
            "scaled",
        ),
        "harness.nn.spectral": (
            "SpectralConv2d",
            "SpectralLinear",
            "update_spectral_norms",
        ),
        "harness.training.optimizers": ("OptimizerState",),
    },
)


def __dir__() -> list[str]:
    return list(__all__)
