"""Handwritten digits, each in a colour of its own."""

from harness import Field
from harness_datasets.colour import Tinted, in_colour
from harness_datasets.digits import Digits


class ColorDigits(Tinted, Digits):
    """The digits of `digits`, each in a random colour on black: red, green and blue uniform in [0.5, 1]."""

    class Config(Digits.Config):
        color_seed: int = Field(0, ge=0, description="which random colours")

    source = f"{Digits.source}; coloured by our own code"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.image = in_colour(self.image)
        self.colour_purpose = ("color-digits", config.color_seed)
