"""Building blocks that the built-in models share; a plugin may use them too.

    initialisers    initial parameters from an explicit generator
    convolution     strided convolutions with TensorFlow's SAME padding
    spectral        spectral normalisation that can be vmapped
    densities       log densities and divergences of the usual distributions
    sizes           how layers follow from the image size and a width multiplier
    inference       a network in inference mode inside a loss

Batch normalisation is torch's own: epsilon 1e-5 and momentum 0.1 (a moving-average decay of 0.9) are
the values that the papers use too.
"""
