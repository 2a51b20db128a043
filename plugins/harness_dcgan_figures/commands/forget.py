"""`harness forget`: a generator without the maps that draw an object."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import UserError
from harness.cli.picture_command import Output, picture_command

if TYPE_CHECKING:
    from harness.pictures import TrainedModel


@click.command(short_help="Let a trained generator forget an object.")
@picture_command
@click.option("--boxes", type=click.Path(path_type=Path), help="CSV or JSON: sample,x0,y0,x1,y1 in pixels.")
@click.option("--factor", metavar="FACTOR=LEVEL", help="A level of a ground-truth factor or label, from 0.")
@click.option("--maps", type=click.IntRange(min=1), help="Drop at most so many maps [default: all that draw it].")
def command(
    trained: "TrainedModel", output: Output, seed: int, boxes: Path | None, factor: str | None, maps: int | None
) -> list[Path]:
    """Let TRIAL's generator forget an object (Radford et al. 2016, section 6.3.1), as a PNG.

    A logistic regression tells from the features of the second-highest convolution where the object
    is; all the maps that it gives a positive weight are dropped. What it learns from is either
    --boxes around the object in samples, by the numbers of `harness samples TRIAL --numbered`, against
    random places of the same samples; or the mean features of samples that show --factor against those
    that do not, told by the nearest image of the dataset in pixels. The upper rows are new samples, the
    lower rows the same ones without these maps. TRIAL is RESULTS_FOLDER/ID or RESULTS_FOLDER/TITLE; the
    beginning of either will do.
    """
    from harness.pictures import save
    from harness_dcgan_figures.forgetting import forget_boxes, forget_concept, forgetting_picture

    if (boxes is None) == (factor is None):
        raise UserError("name what to forget by either --boxes FILE or --factor FACTOR=LEVEL")
    forgetting = (
        forget_boxes(trained, boxes, seed, maps) if boxes else forget_concept(trained, factor or "", seed, maps)
    )
    click.echo(f"dropped {forgetting.dropped.sum()} of {len(forgetting.dropped)} maps", err=True)
    return [save(forgetting_picture(forgetting, seed), output.file(".png"))]
