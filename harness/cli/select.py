"""`harness select`: selectors judged on a results folder, or applied to a file."""

import json
from pathlib import Path

import click

from harness.cli import format_option, plugin_option
from harness.cli.console import console
from harness.cli.render import SELECTION_CAPTION, as_json, markdown, rich_table, wide_selections
from harness.errors import UserError
from harness.plugins import PluginManager
from harness.store import ResultsFolder


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--selector", "names", multiple=True, help="A selector to apply to a file (may be given again).")
@format_option("table", "csv", "markdown", "json")
@plugin_option
def command(path: Path, names: tuple[str, ...], form: str, plugins: tuple[Path, ...]) -> None:
    """Judge the selectors of a results folder PATH by the ground truth, or apply selectors to PATH.npz.

    A file has `codes` (models, N, D), optionally `kl` (models, D) and `sample_index`; or
    `cross_factor_vae_scores` (models, models). json then gives {selector: {"scores", "chosen"}}.
    """
    manager = PluginManager(plugins)
    if path.suffix == ".npz":
        _select_from_file(path, names, form, manager)
    elif names:
        raise UserError("--selector goes with a file; the selectors of a results folder are those of its suite")
    else:
        _judge(ResultsFolder(path), form, manager)


def _judge(folder: ResultsFolder, form: str, manager: PluginManager) -> None:
    from harness.study import make_tables

    suite = folder.suite
    selections = make_tables(folder, suite, manager).selections
    if form == "table":
        console().print(rich_table(wide_selections(selections), f"{suite.title}: selectors", SELECTION_CAPTION))
    elif form == "markdown":
        click.echo(markdown(wide_selections(selections)))
    else:
        click.echo(as_json(selections) if form == "json" else selections.to_csv(index=False), nl=form == "json")


def _select_from_file(path: Path, names: tuple[str, ...], form: str, manager: PluginManager) -> None:
    from harness.code_files import select_from_file

    selected = select_from_file(path, names, manager.registry)
    if form == "json":
        click.echo(json.dumps(selected, indent=2))
    elif form == "table":
        for name, found in selected.items():
            scores = ", ".join(f"{score:.4f}" for score in found["scores"])
            click.echo(f"{name}: model {found['chosen']} (scores {scores})")
    else:
        raise UserError(f"--format {form}: a file's selections print as table or json")
