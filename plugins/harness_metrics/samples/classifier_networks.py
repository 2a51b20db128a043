"""Convolutional classifiers of a dataset's images, for metrics that score samples by a classifier."""

import math
from itertools import pairwise

from torch import Tensor, nn

from harness import ImageSpec, NotApplicableError
from harness.nn import SameConv2d

HIDDEN = 128
"""Units of the last hidden layer: the width of the features."""


class ClassifierNetwork(nn.Module):
    """(N, C, H, W) images to logits (N, classes) and the last hidden layer's features (N, 128).

    Convolutions, then one hidden layer; each is followed by a leaky ReLU of slope 0.2 and then by batch
    normalisation.

    Args:
        convolutions: the convolutions, in order.
        flat: numbers that the last one gives for an image.
        classes: number of classes.
    """

    def __init__(self, convolutions: list[nn.Conv2d], flat: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for convolution in convolutions:
            layers += [convolution, nn.LeakyReLU(0.2), nn.BatchNorm2d(convolution.out_channels)]
        self.hidden = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(flat, HIDDEN), nn.LeakyReLU(0.2), nn.BatchNorm1d(HIDDEN)
        )
        self.last = nn.Linear(HIDDEN, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, classes) and features (N, 128) of images."""
        features = self.hidden(images)
        return self.last(features), features


def small_network(image: ImageSpec, classes: int) -> ClassifierNetwork:
    """A network for images of any size: 3x3 convolutions of stride 2 until at most 4 pixels a side are left.

    The first has 32 channels, each next one twice as many, at most 128.
    """
    convolutions: list[nn.Conv2d] = []
    height, width, inputs, outputs = image.height, image.width, image.channels, 32
    while not convolutions or max(height, width) > 4:
        convolutions.append(nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1))
        height, width = math.ceil(height / 2), math.ceil(width / 2)
        inputs, outputs = outputs, min(2 * outputs, 128)
    return ClassifierNetwork(convolutions, inputs * height * width, classes)


def shapes_network(image: ImageSpec, classes: int) -> ClassifierNetwork:
    """The network by which Lin et al. (2020) tell the three shapes of dSprites apart.

    Four 4x4 convolutions of stride 2 with 32, 32, 64 and 64 channels.

    Raises:
        NotApplicableError: a side is no multiple of 16 pixels.
    """
    if image.height % 16 or image.width % 16:
        raise NotApplicableError(f"the network of shapes takes sides that are multiples of 16 pixels, not {image}")
    channels = [image.channels, 32, 32, 64, 64]
    convolutions: list[nn.Conv2d] = [SameConv2d(inputs, outputs, kernel=4) for inputs, outputs in pairwise(channels)]
    return ClassifierNetwork(convolutions, 64 * (image.height // 16) * (image.width // 16), classes)
