"""MNIST, each digit in a colour of its own."""

from harness import Field
from harness_datasets.colour import Tinted, in_colour
from harness_datasets.torchvision_sets import MNIST


class ColorMNIST(Tinted, MNIST):
    """MNIST with each digit in a random colour on black: red, green and blue uniform in [0.5, 1].

    Several papers train on a coloured MNIST, alpha-GAN among them, without saying how it was coloured.
    """

    class Config(MNIST.Config):
        color_seed: int = Field(0, ge=0, description="which random colours")

    source = f"{MNIST.source}; coloured by our own code"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = in_colour(self.image)
        self.colour_purpose = ("color-mnist", config.split, config.color_seed)
