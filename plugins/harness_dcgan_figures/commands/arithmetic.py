"""`harness arithmetic`: sums and differences of latents."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import UserError
from harness.cli.picture_command import Output, picture_command

if TYPE_CHECKING:
    from harness.pictures import TrainedModel


@click.command(short_help="Add and subtract latents of a trained model.")
@picture_command
@click.option("--plus", multiple=True, metavar="GROUP", help="Exemplars to add: 1,2,3 or shape=2 (may be given again).")
@click.option("--minus", multiple=True, metavar="GROUP", help="Exemplars to subtract (may be given again).")
@click.option(
    "--spread", type=click.FloatRange(min=0), default=0.25, show_default=True, help="Reach of the neighbours."
)
def command(
    trained: "TrainedModel", output: Output, seed: int, plus: tuple[str, ...], minus: tuple[str, ...], spread: float
) -> list[Path]:
    """Add and subtract mean latents of exemplars of TRIAL (Radford et al. 2016, section 6.3.2), as a PNG.

    A GROUP is a list of sample numbers, as `harness samples TRIAL --numbered` shows them, or levels
    of ground-truth factors or of the label ("shape=2,scale=0", "label=7"), numbered from 0. For levels the
    three of 1,024 samples are taken that are nearest, in pixels, to an image of the dataset with these levels.

    The result stands in the middle of 8 neighbours, whose latents differ from its own by up to
    --spread; beside it is the same sum of pixels. TRIAL is RESULTS_FOLDER/ID or RESULTS_FOLDER/TITLE;
    the beginning of either will do.
    """
    from harness.pictures import save
    from harness_dcgan_figures.latent_arithmetic import arithmetic_picture

    if not plus:
        raise UserError("--plus: name at least one group of exemplars, such as --plus 1,2,3")
    added = [_group(trained, text, seed, "--plus") for text in plus]
    subtracted = [_group(trained, text, seed, "--minus") for text in minus]
    return [save(arithmetic_picture(trained, added, subtracted, seed=seed, spread=spread), output.file(".png"))]


EXEMPLARS = 3


def _group(trained: "TrainedModel", text: str, seed: int, option: str) -> list[int]:
    """The sample numbers that a GROUP means."""
    if "=" in text:
        from harness_dcgan_figures.concepts import exemplars, parse_concept

        concept = parse_concept(text, trained.dataset)
        trained.load_dataset()
        numbers = exemplars(trained, concept, EXEMPLARS, seed)
        click.echo(f"{option} {text}: samples {', '.join(map(str, numbers))}", err=True)
        return numbers
    numbers = [int(number) if number.strip().isdecimal() else -1 for number in text.split(",")]
    if min(numbers) < 0:
        raise UserError(f"{option} {text}: expected sample numbers such as 1,2,3, or levels such as shape=2")
    return numbers
