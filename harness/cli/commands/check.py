"""`harness check`: does a plugin keep its contract, and if not, what to change?"""

import warnings
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from harness.cli.console import console
from harness.cli.options import plugin_option, settings_of
from harness.errors import UserError


@click.command()
@click.argument("name")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of it (may be given again).")
@click.option("--image", "shape", default="1x32x32", show_default=True, metavar="CxHxW", help="Pictures to use.")
@click.option("--compiled", is_flag=True, help="Also train a model by torch.compile, which takes minutes.")
@plugin_option
def command(name: str, settings: tuple[str, ...], shape: str, compiled: bool, plugins: tuple[Path, ...]) -> int:
    """Check that the model, dataset, metric, selector or sampler NAME keeps its contract.

    Exit code 1 if it does not; each failure (✗) says what to change. Advice (!) is about what need not be changed.
    """
    from harness.testing import CheckFailed, ContractAdvice, checks

    if name.endswith(".py"):
        raise UserError(f"{name} is a file; check what it registers: harness check NAME --plugin {name}")
    out = console()
    failed = 0
    told: set[str] = set()
    found = checks(name, settings_of(settings), image=_image(shape), plugins=plugins, compiled=compiled)
    for check in found:
        advice: list[warnings.WarningMessage] = []
        try:
            with warnings.catch_warnings(record=True) as advice:
                warnings.simplefilter("ignore")
                warnings.simplefilter("always", ContractAdvice)
                check()
        except UserError:
            raise
        except CheckFailed as error:
            failed += 1
            reason = "for the same reason" if str(error) in told else str(error)
            told.add(str(error))
            out.print(Text("✗ ", style="red") + Text(f"{check}: {reason}"))
        else:
            out.print(Text("✓ ", style="green") + Text(str(check)))
        for each in advice:
            out.print(Text("! ", style="yellow") + Text(str(each.message)))
    if failed:
        out.print(f"{name} fails {failed} of its checks.")
        return 1
    out.print(f"{name} keeps its contract.")
    return 0


def _image(text: str) -> Any:
    from harness.model import ImageSpec

    sizes = text.lower().split("x")
    if len(sizes) != 3 or not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise UserError(f"--image {text}: expected channels x height x width, such as 3x64x64")
    return ImageSpec(*map(int, sizes))
