"""`harness show`: one model, dataset, metric or selector in full."""

import inspect
from pathlib import Path

import click
from rich.table import Table

from harness.cli import plugin_option
from harness.cli.console import console
from harness.config import describe
from harness.errors import UserError, nearest
from harness.plugins import KINDS, SUPERVISED, Entry, PluginManager


@click.command()
@click.argument("name")
@plugin_option
def command(name: str, plugins: tuple[Path, ...]) -> None:
    """Describe NAME: summary, source, and every setting with type, default, range and meaning.

    supervised:METRIC is the selector that chooses by a metric.
    """
    registry = PluginManager(plugins).registry
    found = [registry.entries[kind][name] for kind in KINDS if name in registry.entries[kind]]
    if name.startswith(SUPERVISED):
        found.append(registry.find("selectors", name))
    if not found:
        names = {other for kind in KINDS for other in registry.entries[kind]}
        raise UserError(f"there is no '{name}'; {nearest(name, names)}")
    for entry in found:
        _show(entry)


def _show(entry: Entry) -> None:
    shown = entry.load()
    out = console()
    out.print(f"[bold]{entry.name}[/bold]  {entry.kind[:-1]} from {entry.plugin}\n")
    out.print(inspect.getdoc(shown) or entry.summary, "", markup=False)
    facts = {
        "source": shown.source,
        "can": ", ".join(_abilities(shown)),
        "needs": ", ".join(getattr(shown, "needs", ())),
    }
    for fact, text in facts.items():
        if text:
            out.print(f"{fact}: {text}", markup=False)
    settings = describe(shown.Config)
    if not settings:
        out.print("settings: none")
        return
    table = Table(box=None, pad_edge=False)
    for heading in settings[0]:
        table.add_column("setting" if heading == "name" else heading, header_style="dim", no_wrap=heading == "name")
    for row in settings:
        table.add_row(*(text.replace("[", r"\[") for text in row.values()))
    out.print("", table)


def _abilities(shown: type) -> list[str]:
    """What a model can do; nothing for other kinds."""
    if not hasattr(shown, "can"):
        return []
    from harness.model import ABILITIES

    return [ability for ability in ABILITIES if shown.can(ability)]
