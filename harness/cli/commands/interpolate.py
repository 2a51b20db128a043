"""`harness interpolate`: the way from one random point of a latent space to the next."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.picture_command import Output, picture_command

if TYPE_CHECKING:
    from harness.pictures.trained_model import TrainedModel


@click.command()
@picture_command
@click.option("--points", type=click.IntRange(min=2), default=9, show_default=True, help="Random points.")
@click.option("--steps", type=click.IntRange(min=2), default=10, show_default=True, help="Images from one to the next.")
def command(trained: "TrainedModel", output: Output, seed: int, points: int, steps: int) -> list[Path]:
    """Walk between random latents of TRIAL (Radford et al. 2016, section 6.1): a PNG and a GIF.

    Each row leads from one point to the next, the last row back to the first. The way is straight, on
    a sphere along its surface; a category changes half-way. TRIAL is RESULTS_FOLDER/ID or
    RESULTS_FOLDER/TITLE; the beginning of either will do.
    """
    import numpy as np

    from harness.pictures.images import pixels, save, sheet
    from harness.pictures.latent_paths import closed_walk

    latents = trained.sample_latents(range(points), seed)
    rows = np.stack([pixels(trained.generate(way)) for way in closed_walk(trained.latents, latents, steps)])
    # Each way ends where the next begins.
    frames = [sheet(image[None, None]) for row in rows for image in row[:-1]]
    return [save(sheet(rows), output.file(".png")), save(frames, output.file(".gif"))]
