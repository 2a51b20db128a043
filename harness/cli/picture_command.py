"""Commands that draw pictures of one trained trial: their shared argument, options and output."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.completers import complete_trial
from harness.cli.options import data_option, plugin_option, require_gpu_if
from harness.cli.terminal import echo
from harness.errors import NotApplicableError, UserError
from harness.storage.location import location

if TYPE_CHECKING:
    from harness.pictures.trained_model import TrainedModel

SUFFIXES = (".png", ".gif")


class Output:
    """Where a command writes: pictures under one name, as PNG or GIF."""

    def __init__(self, path: Path) -> None:
        self.stem = path.with_suffix("") if path.suffix in SUFFIXES else path

    def file(self, suffix: str) -> Path:
        """The file of a suffix."""
        return self.stem.with_name(self.stem.name + suffix)


def picture_command(picture: Callable[..., list[Path]]) -> Callable[..., None]:
    """Give a command the argument TRIAL and the options that go with it, and print the files that it wrote.

    The function gets `trained`, `output` and `seed` beside its own options.
    """

    @click.argument("trial", nargs=-1, required=True, shell_complete=complete_trial)
    @click.option("--output", type=click.Path(path_type=Path), help="Name of the files [default: COMMAND-ID].")
    @click.option("--seed", default=0, show_default=True, help="Seed of the random latents.")
    @click.option("--device", type=click.Choice(["cpu", "cuda", "mps"]), default="cpu", show_default=True)
    @data_option
    @plugin_option
    @wraps(picture)
    def command(
        trial: tuple[str, ...],
        output: Path | None,
        seed: int,
        device: str,
        plugins: tuple[Path, ...],
        **options: Any,
    ) -> None:
        trained = _open(location(" ".join(trial)), device, plugins)
        name = output or Path(f"{click.get_current_context().info_name}-{trained.trial.id}")
        try:
            written = picture(trained=trained, output=Output(name), seed=seed, **options)
        except NotApplicableError as error:
            raise UserError(f"{trained.trial.title}: {error}{_who_can(trained, str(error))}") from None
        for file in written:
            echo(file)

    return command


def _who_can(trained: "TrainedModel", reason: str) -> str:
    """Which models have the ability for want of which a picture cannot be drawn; "" if that is not the reason."""
    from harness.evaluation import REASONS
    from harness.model import ABILITIES

    able = [name for ability in ABILITIES if REASONS[ability] == reason for name in trained.able(ability)]
    return f"; of these models it can be drawn: {', '.join(able)}" if able else ""


def _open(place: Path, device: str, plugins: tuple[Path, ...]) -> "TrainedModel":
    from harness.pictures.trained_model import load_trained, unloaded_dataset
    from harness.plugins.manager import PluginManager
    from harness.results.find import find_trial

    require_gpu_if(device)
    folder, trial = find_trial(place)
    registry = PluginManager(plugins).registry
    try:
        dataset = unloaded_dataset(trial, registry, device)
    except UserError as error:
        raise UserError(f"{trial.title}: {error}") from None
    return load_trained(folder, trial, registry, dataset)
