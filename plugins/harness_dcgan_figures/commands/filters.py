"""`harness filters`: what a trained discriminator looks at."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.looking import Output, looks_at_trial

if TYPE_CHECKING:
    from harness.report.trained import TrainedModel


@click.command()
@looks_at_trial
def command(trained: "TrainedModel", output: Output, seed: int) -> list[Path]:
    """Show what the last features of TRIAL's model respond to (Radford et al. 2016, section 6.1), as a PNG.

    For each of the first six features of the last convolution: the images of the dataset with the
    largest responses and, below each, the guided gradient of the response; beside them the same for
    the untrained network. TRIAL is RESULTS_FOLDER/ID or RESULTS_FOLDER/TITLE; the beginning of either
    will do.
    """
    from harness.report.filters import filters_picture
    from harness.report.raster import save

    trained.require("features")
    trained.load_dataset()
    return [save(filters_picture(trained, seed), output.file(".png"))]
