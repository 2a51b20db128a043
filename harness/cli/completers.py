"""What the shell offers while a command is typed: names, suites, results and trials; torch is not loaded for it."""

import json
from pathlib import Path

import click
from click.shell_completion import CompletionItem


def complete_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models, datasets, metrics and selectors of every installed plugin."""
    from harness.plugins.manager import PluginManager

    entries = [entry for entries in PluginManager().registry.entries.values() for entry in entries.values()]
    return [CompletionItem(entry.name, help=entry.summary) for entry in entries if entry.name.startswith(incomplete)]


def complete_dataset(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Datasets of every installed plugin."""
    from harness.plugins.manager import PluginManager

    entries = PluginManager().registry.entries["datasets"].values()
    return [CompletionItem(entry.name, help=entry.summary) for entry in entries if entry.name.startswith(incomplete)]


def complete_suite(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Suites in the folder that is being typed, one folder deeper, and in suites/ here; any file if there is none."""
    folder = Path(incomplete).parent if "/" in incomplete else Path()
    files = {*folder.glob("*.toml"), *folder.glob("*/*.toml"), *Path("suites").rglob("*.toml")}
    found = [str(file) for file in sorted(files) if str(file).startswith(incomplete) and _is_suite(file)]
    return [CompletionItem(file) for file in found] or [CompletionItem(incomplete, type="file")]


def _is_suite(file: Path) -> bool:
    try:
        return file.is_file() and "[[models]]" in file.read_text(encoding="utf-8")  # A pipe might never end.
    except (OSError, ValueError):
        return False


def complete_results(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Results folders in the folder that is being typed and in results/ here; any folder if there is none."""
    folder = Path(incomplete).parent if "/" in incomplete else Path()
    suites = {*folder.glob("*/suite.json"), *Path("results").glob("*/suite.json")}
    found = sorted(str(suite.parent) for suite in suites if str(suite.parent).startswith(incomplete))
    return [CompletionItem(name) for name in found] or [CompletionItem(incomplete, type="dir")]


def complete_trial(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The trials of the results folder that is typed; before that, results folders."""
    folder, slash, start = incomplete.rpartition("/")
    try:
        trials = json.loads((Path(folder) / "suite.json").read_bytes())["trials"] if slash else []
    except (OSError, ValueError, KeyError):
        trials = []
    if trials:
        return [
            CompletionItem(f"{folder}/{trial['id']}", help=_title(trial))
            for trial in trials
            if trial["id"].startswith(start)
        ]
    return [
        CompletionItem(f"{item.value}/") if item.type == "plain" else item
        for item in complete_results(ctx, param, incomplete)
    ]


def _title(trial: dict[str, object]) -> str:
    from harness.suite.trial import Trial

    return Trial.from_json(trial).title
