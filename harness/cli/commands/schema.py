"""`harness schema`: the JSON Schema of suites."""

import json
from pathlib import Path

import click

from harness.cli.options import plugin_option
from harness.cli.terminal import echo
from harness.errors import UserError


@click.command()
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE.json", help="Write it there.")
@plugin_option
def command(output: Path | None, plugins: tuple[Path, ...]) -> None:
    """Print the JSON Schema of suites, with the settings of all installed plugins, for editors and checkers of TOML."""
    from harness.plugins.manager import PluginManager
    from harness.suite.json_schema import suite_json_schema

    text = json.dumps(suite_json_schema(PluginManager(plugins).registry), indent=1)
    if output is None:
        echo(text)
        return
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output {output}: cannot be written: {error.strerror}") from None
    echo(str(output))
