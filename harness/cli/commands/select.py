"""`harness select`: selectors judged on a results folder, or applied to a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completers import complete_results
from harness.cli.options import format_option, plugin_option
from harness.cli.result_tables import print_differences, print_selections, selections_text, unjudged_notes
from harness.cli.table_formats import print_as
from harness.cli.terminal import echo
from harness.errors import UserError
from harness.plugins.manager import PluginManager
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table
from harness.storage.location import location

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("path", type=location, shell_complete=complete_results)
@click.option("--selector", "names", multiple=True, help="A selector to apply to a file (may be given again).")
@format_option("table", "csv", "markdown", "latex", "json")
@plugin_option
def command(path: Path, names: tuple[str, ...], form: str, plugins: tuple[Path, ...]) -> None:
    """Judge the selectors of a results folder PATH by the ground truth, or apply selectors to PATH.npz.

    A file has `codes` (models, N, D), optionally `kl` (models, D), `sample_index`, the arrays of `harness score`
    for supervised:METRIC, and `hyperparameters` (models,), equal for models that differ in their seed alone; or
    `cross_factor_vae_scores` (models, models), optionally `latent_structures` (models,), which must be equal for models
    to be compared. json then gives {selector: {"scores", "chosen", "tied"}}; tied: how many models share the largest.
    """
    manager = PluginManager(plugins)
    if path.suffix == ".npz":
        _select_from_file(path, names, form, manager)
    elif names:
        raise UserError("--selector goes with a file; the selectors of a results folder are those of its suite")
    else:
        _judge(ResultsFolder(path), form, manager)


def _judge(folder: ResultsFolder, form: str, manager: PluginManager) -> None:
    from harness.results.status import StudyStatus
    from harness.selection.tables import selection_notes
    from harness.summary.tables import make_tables

    if folder.is_published("selections"):  # Published, without the trials.
        differences = folder.table("selector_differences")
        known = read_table(differences) if differences.exists() else None
        _print(read_table(folder.table("selections")), known, folder.path.name, form)
        return
    suite = folder.suite
    if not suite.selectors:
        raise UserError(f"{folder.path}: its suite has no selectors")
    status = StudyStatus.read(suite, folder)
    tables = make_tables(folder, status, manager)
    selections = tables.selections
    notes = selection_notes(folder, suite, status.candidates)
    if selections.empty:
        raise UserError("\n".join([f"{folder.path}: there is no selection to judge", *notes]))
    _print(selections, tables.selector_differences, suite.title, form, notes)


def _print(
    selections: "pd.DataFrame", differences: "pd.DataFrame | None", title: str, form: str, notes: Sequence[str] = ()
) -> None:
    differences = selections[:0] if differences is None else differences
    if form == "table":
        print_selections(selections, f"{title}: selectors")
        if len(differences):
            print_differences(differences)
    elif form in ("markdown", "latex"):
        echo(selections_text(selections, differences, form))
    else:
        print_as(form, selections)
    for note in dict.fromkeys([*unjudged_notes(selections), *notes]):
        echo(f"note: {note}", err=True)


def _select_from_file(path: Path, names: tuple[str, ...], form: str, manager: PluginManager) -> None:
    from harness.selection.codes_file import select_from_file

    selected = select_from_file(path, names, manager.registry)
    if form == "json":
        echo(json.dumps(selected, indent=2))
    elif form == "table":
        for name, found in selected.items():
            scores = ", ".join("none" if score is None else f"{score:.4f}" for score in found["scores"])
            tied = f", tied with {found['tied'] - 1} more" if found["tied"] > 1 else ""
            echo(f"{name}: model {found['chosen']}{tied} (scores {scores})")
    else:
        raise UserError(f"--format {form}: a file's selections print as table or json")
