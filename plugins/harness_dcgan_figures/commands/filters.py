"""`harness filters`: what a trained discriminator looks at."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.picture_command import Output, picture_command

if TYPE_CHECKING:
    from harness.pictures import TrainedModel


@click.command(short_help="Show what a trained discriminator looks at.")
@picture_command
def command(trained: "TrainedModel", output: Output, seed: int) -> list[Path]:
    """Show what the last features of TRIAL's model respond to (Radford et al. 2016, section 6.1), as a PNG.

    For each of the first six features of the last convolution: the images of the dataset with the
    largest responses and, below each, the guided gradient of the response; beside them the same for
    the untrained network. TRIAL is RESULTS_FOLDER/ID or RESULTS_FOLDER/TITLE; the beginning of either
    will do.
    """
    from harness.pictures import save
    from harness_dcgan_figures.guided_backpropagation import filters_picture

    trained.require_ability("features")
    trained.load_dataset()
    return [save(filters_picture(trained, seed), output.file(".png"))]
