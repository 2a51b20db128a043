"""`harness list`: everything that the plugins offer."""

from pathlib import Path

import click
from rich.table import Table

from harness.cli.console import console
from harness.cli.options import plugin_option
from harness.cli.terminal import echo
from harness.plugins.manager import PluginManager
from harness.registry import DISTRIBUTION, KINDS


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@plugin_option
def command(kind: str | None, plugins: tuple[Path, ...]) -> None:
    """List the models, datasets, metrics, selectors and samplers there are, and the distribution each comes from."""
    registry = PluginManager(plugins).registry
    for shown in [kind] if kind else KINDS:
        table = Table(title=shown, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for heading in ("name", "summary", "from"):
            table.add_column(heading, header_style="dim", no_wrap=heading == "name")
        for entry in registry.entries[shown].values():
            table.add_row(entry.name, entry.summary, str(entry.plugin))
        for rule in registry.derivations:
            if rule.kind == shown:
                base = rule.base.removesuffix("s")
                table.add_row(f"{rule.prefix}{base.upper()}", rule.summary.format(name=f"any {base}"), DISTRIBUTION)
        console().print(table, "")
    for problem in registry.problems:
        echo(f"warning: {problem}", err=True)
