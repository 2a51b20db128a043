"""`harness samples`: what a trained model draws."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.picture_command import Output, picture_command

if TYPE_CHECKING:
    from harness.pictures.trained_model import TrainedModel


@click.command()
@picture_command
@click.option("--count", type=click.IntRange(min=1), default=64, show_default=True, help="How many samples.")
@click.option("--columns", type=click.IntRange(min=1), default=8, show_default=True, help="Samples in a row.")
@click.option("--numbered", is_flag=True, help="Write each sample's number below it, for arithmetic and boxes.")
def command(trained: "TrainedModel", output: Output, seed: int, count: int, columns: int, numbered: bool) -> list[Path]:
    """Draw samples of TRIAL's model as a PNG.

    A number and a seed always mean the same sample of a trial. TRIAL is RESULTS_FOLDER/ID or
    RESULTS_FOLDER/TITLE; the beginning of either will do.
    """
    from harness.pictures.images import pixels, save, sheet, tiled

    images = pixels(trained.generate(trained.sample_latents(range(count), seed)))
    labels = [str(number) for number in range(count)] if numbered else []
    return [save(sheet(tiled(images, columns), tile_labels=labels), output.file(".png"))]
