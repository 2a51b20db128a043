"""Options that several commands share, and how their values are read."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])


def _each_once(context: click.Context, parameter: click.Parameter, files: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files, each once, however it is written."""
    return tuple({os.path.realpath(file): file for file in files}.values())


plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(path_type=Path),
    callback=_each_once,
    metavar="FILE.py",
    help="Load a plugin from a file (may be given again).",
)


def _look_there(context: click.Context, parameter: click.Parameter, folder: Path | None) -> None:
    """Have datasets, and the processes that this one starts, look for files in a folder."""
    if folder is not None:
        os.environ["HARNESS_DATA"] = os.path.realpath(folder)


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    callback=_look_there,
    expose_value=False,
    help="Folder of dataset files [default: the user's own].",
)


def one_each(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """The values of an option that may be given again, none of which is several with commas."""
    for text in names:
        if "," in text:
            again = " ".join(f"{parameter.opts[0]} {name.strip()}" for name in text.split(",") if name.strip())
            raise click.BadParameter(f"{text!r}: give it once for each: {again}", context, parameter)
    return names


def _letting(variable: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    """What a flag does that lets datasets, and the processes that this one starts, do what a variable names."""

    def let(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
        if wanted:
            os.environ[variable] = "1"

    return let


download_option = click.option(
    "--download",
    is_flag=True,
    callback=_letting("HARNESS_DOWNLOAD"),
    expose_value=False,
    help="Fetch dataset files that are missing and may be fetched.",
)


trust_option = click.option(
    "--trust",
    is_flag=True,
    callback=_letting("HARNESS_TRUST"),
    expose_value=False,
    help="With --download: keep a file whose checksum is not the known one, such as a new edition, and remember it.",
)


def forbid_download() -> None:
    """Keep datasets from fetching files, whatever the environment and `--download` say."""
    os.environ["HARNESS_DOWNLOAD"] = "0"


def format_option(*formats: str) -> Callable[[F], F]:
    """The option that chooses how a table is printed."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print.",
    )


def settings_of(texts: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """The settings in KEY=VALUE texts.

    Raises:
        UserError: a text has another form.
    """
    from harness.suite.file import value_of

    settings = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key.strip():
            raise UserError(f"{option} {text}: expected KEY=VALUE")
        settings[key.strip()] = value_of(value.strip())
    return settings


def require_gpu_if(device: str) -> None:
    """Make sure that torch sees a GPU if one is asked for.

    Raises:
        UserError: it sees none.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no GPU here; use --device cpu")
    if device == "mps":
        from harness.execution.devices import require_mps

        require_mps("--device mps")
