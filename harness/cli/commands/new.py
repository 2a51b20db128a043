"""`harness new`: a plugin package to begin with."""

from pathlib import Path

import click

from harness.cli.terminal import echo
from harness.plugins.scaffold import KIND_NAMES, create


@click.command()
@click.argument("kind", type=click.Choice(KIND_NAMES))
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=".", help="Where to make it; here by default.")
def command(kind: str, name: str, into: Path) -> None:
    """Make a plugin package with a working model, dataset, metric, selector or sampler called NAME."""
    folder = create(kind, name, into)
    echo(f"{folder} is a plugin with a working {kind}, a suite and a test. Next:\n")
    echo(f"  pip install -e {folder}")
    echo(f"  harness run {folder / 'suite.toml'}")
    echo(f"\nThen change {folder / name.replace('-', '_') / kind}.py, and run `harness check {name}`.")
