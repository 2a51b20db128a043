"""`harness show`: one model, dataset, metric, selector or sampler in full."""

import inspect
import re
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from harness.cli.completers import complete_name
from harness.cli.console import console
from harness.cli.options import data_option, download_option, plugin_option, require_gpu_if, settings_of, trust_option
from harness.cli.show_dataset import check_picture, show_dataset
from harness.config import describe
from harness.errors import UnknownNameError, UserError, nearest
from harness.plugins.manager import PluginManager
from harness.registry import KINDS, Entry


@click.command()
@click.argument("name", shell_complete=complete_name)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting of the dataset.")
@click.option("--pictures", type=click.Path(path_type=Path), metavar="FILE.png", help="Write a picture of the dataset.")
@click.option(
    "--device", type=click.Choice(["cpu", "cuda", "mps"]), default="cpu", show_default=True, help="Where to load it."
)
@data_option
@download_option
@trust_option
@plugin_option
def command(
    name: str,
    overrides: tuple[str, ...],
    pictures: Path | None,
    device: str,
    plugins: tuple[Path, ...],
) -> None:
    """Describe NAME: summary, source, and every setting with type, default, range and meaning.

    A dataset is also loaded, if its files are there, to tell how much memory and time it takes; --pictures draws one
    row of images for each of its factors or classes. supervised:METRIC is the selector that chooses by a metric.
    """
    settings = settings_of(overrides)
    require_gpu_if(device)
    if pictures:
        check_picture(pictures)
    registry = PluginManager(plugins).registry
    found = [registry.entries[kind][name] for kind in KINDS if name in registry.entries[kind]]
    found += [registry.find(rule.kind, name) for rule in registry.derivations if name.startswith(rule.prefix)]
    if not found:
        names = {other for kind in KINDS for other in registry.entries[kind]}
        raise UnknownNameError(f"there is no '{name}'; {nearest(name, names)}")
    if (settings or pictures) and all(entry.kind != "datasets" for entry in found):
        raise UserError(f"--set and --pictures are for datasets, and '{name}' is none")
    for entry in found:
        _show(entry)
        if entry.kind == "datasets":
            show_dataset(entry.load(), name, settings, device, pictures)


def _show(entry: Entry) -> None:
    shown = entry.load()
    out = console()
    out.print(Text.assemble((entry.name, "bold"), f"  {entry.kind[:-1]} from {entry.plugin}\n"))
    out.print(f"{_unwrapped(inspect.getdoc(shown) or entry.summary)}\n")
    facts = {
        "source": shown.source,
        "can": ", ".join(_abilities(shown)),
        "needs": ", ".join(getattr(shown, "needs", ())),
        "scores": _scores(shown),
    }
    for fact, text in facts.items():
        if text:
            out.print(f"{fact}: {text}")
    settings = describe(shown.Config)
    if not settings:
        out.print("settings: none")
        return
    table = Table(box=None, pad_edge=False)
    for heading in settings[0]:
        table.add_column(
            "setting" if heading == "name" else heading, header_style="dim", no_wrap=heading == "name", overflow="fold"
        )
    for row in settings:
        table.add_row(*row.values())
    out.print()
    out.print(table)


def _unwrapped(document: str) -> str:
    """A docstring whose paragraphs are a line each, for a terminal of any width; lists and indented lines stay."""
    return re.sub(r"(?<!\n)\n(?![\n\s*-])", " ", document)


def _scores(shown: type) -> str:
    """How to read a metric's scores; nothing for other kinds."""
    from harness.metric import Metric

    if not issubclass(shown, Metric):
        return ""
    lowest, highest = shown.range
    better = "higher" if shown.higher_is_better else "lower"
    return f"from {lowest:g} to {highest:g}, {better} is better"


def _abilities(shown: type) -> list[str]:
    """The abilities of a model, such as encode; none for what is no model."""
    if not hasattr(shown, "abilities"):
        return []
    from harness.model import Model, overridden

    decided = inspect.getattr_static(shown, "abilities") is not inspect.getattr_static(Model, "abilities")
    return [*overridden(shown), *(["as its settings say"] if decided else [])]
