"""`harness traverse`: what each code of a trained model does."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.picture_command import Output, picture_command
from harness.errors import UserError, nearest

if TYPE_CHECKING:
    from harness.pictures.latent_paths import Code, Range
    from harness.pictures.trained_model import TrainedModel


def _ascending(_context: click.Context, _parameter: click.Parameter, bounds: "Range | None") -> "Range | None":
    if bounds and not -math.inf < bounds[0] < bounds[1] < math.inf:
        raise click.BadParameter(f"from {bounds[0]:g} to {bounds[1]:g}; the first must be the lower, and both finite")
    return bounds


@click.command()
@picture_command
@click.option("--code", "names", multiple=True, help='A code by its name, "style 0" (may be given again).')
@click.option(
    "--range",
    "bounds",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    callback=_ascending,
    help="Where numbers among the codes begin and end [default: as above].",
)
@click.option("--steps", type=click.IntRange(min=2), default=10, show_default=True, help="Values of a code.")
@click.option("--columns", type=click.IntRange(min=1), default=10, show_default=True, help="Other latents.")
def command(
    trained: "TrainedModel",
    output: Output,
    seed: int,
    names: tuple[str, ...],
    bounds: "Range | None",
    steps: int,
    columns: int,
) -> list[Path]:
    """Draw every code of TRIAL from low to high: a PNG with the values down, and a GIF in which they move.

    Each column has other random values of all the other latents. Uniform codes go from end to end,
    normal ones from -2 to 2, categorical ones through every category; --range -2 2 takes a uniform
    code as far beyond its ends as the pictures of InfoGAN's paper do. Without --code the ten codes
    that change the images most are drawn.

    TRIAL is RESULTS_FOLDER/ID or RESULTS_FOLDER/TITLE; the beginning of either will do.
    """
    import numpy as np

    from harness.pictures.images import save, sheet, side_by_side, there_and_back
    from harness.pictures.latent_paths import step_labels
    from harness.pictures.traversals import liveliest_codes, traversal_images

    codes = _chosen(trained, names) if names else liveliest_codes(trained)
    others = trained.sample_latents(range(columns), seed)
    blocks = [traversal_images(trained, code, others, steps, bounds) for code in codes]
    grids = [
        sheet(block, title=code.name, row_labels=step_labels(code.part, steps, bounds))
        for block, code in zip(blocks, codes, strict=True)
    ]
    moments = max(len(block) for block in blocks)
    frames = [
        sheet(np.stack([block[moment * len(block) // moments] for block in blocks]), row_labels=[c.name for c in codes])
        for moment in range(moments)
    ]
    return [
        save(side_by_side(grids, columns=2), output.file(".png")),
        save(there_and_back(frames), output.file(".gif")),
    ]


def _chosen(trained: "TrainedModel", names: tuple[str, ...]) -> "list[Code]":
    from harness.pictures.latent_paths import codes_of

    codes = {code.name: code for code in codes_of(trained.latents)}
    for name in names:
        if name not in codes:
            raise UserError(f"--code '{name}': {trained.trial.title} has no such code; {nearest(name, codes)}")
    return [codes[name] for name in names]
