"""MNIST, each digit in a colour of its own."""

from torch import Tensor

from harness.config import Field
from harness.model import ImageSpec
from harness_datasets.colour import tint
from harness_datasets.torchvision_sets import MNIST


class ColorMNIST(MNIST):
    """MNIST with each digit in a random colour on black: red, green and blue uniform in [0.5, 1].

    Several papers train on a coloured MNIST, alpha-GAN among them, without saying how it was coloured.
    """

    class Config(MNIST.Config):
        """Which part, the border, and the draw of colours."""

        color_seed: int = Field(0, ge=0, description="which random colours")

    source = f"{MNIST.source}; coloured by our own code"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = ImageSpec(3, config.image_size, config.image_size)

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, 3, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        return tint(super().images(indices), indices, "color-mnist", self.config.split, self.config.color_seed)
