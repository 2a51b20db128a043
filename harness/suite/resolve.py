"""A name and settings become a choice, and a choice the class that it names with its parsed settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.config import Settings, named_files, parse
from harness.errors import UserError
from harness.registry import Registry
from harness.suite.trial import Choice


def resolve_choice(
    registry: Registry, kind: str, name: str, settings: Mapping[str, Any], place: str, folder: Path | None = None
) -> Choice:
    """A choice of a registered thing, with all its settings checked and filled in.

    Args:
        registry: everything that plugins offer.
        kind: "models", "datasets", "metrics" or "selectors".
        name: its registered name.
        settings: those that differ from the defaults.
        place: what an error names as the place of the mistake, such as "models[0].config".
        folder: what relative paths of files are below; by default the working directory.

    Raises:
        UserError: the name or a setting is wrong, or a file that a setting names is missing.
    """
    from harness.data.digests import data_digest

    entry = registry.find(kind, name, place)
    loaded = entry.load()
    config = parse(loaded.Config, settings, place, folder)
    files = {str(file): _digest(file, where) for where, file in named_files(config, place)}
    data = data_digest(loaded(config)) if kind == "datasets" else ""
    return Choice(name, config.values(), entry.plugin.version, files, data)


def _digest(file: str, place: str) -> str:
    from harness.data.digests import content_digest

    try:
        return content_digest([Path(file)])
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def check_unchanged(registry: Registry, kind: str, choice: Choice) -> None:
    """Ask that a plugin's code, and the files that decide a choice's numbers, are still those of the choice.

    Raises:
        UserError: something has been edited or replaced since the choice was made.
    """
    plugin = registry.find(kind, choice.name).plugin
    now = resolve_choice(registry, kind, choice.name, choice.config, choice.name)
    if {plugin.version, plugin.loaded_as or plugin.version} != {choice.version}:
        raise UserError(
            f"{choice.name}: its plugin {plugin.distribution} is not the one that the run began with "
            f"({choice.version} then, {plugin.version} now); run it again"
        )
    replaced = [path for path, content in now.files.items() if choice.files.get(path) != content]
    if replaced:
        raise UserError(f"{choice.name}: {replaced[0]} has been replaced since the run began; run it again")
    # Where files were not there to begin with, the run has fetched them.
    if choice.data and now.data != choice.data:
        raise UserError(f"{choice.name}: the dataset's files have been replaced since the run began; run it again")


def resolve_class(registry: Registry, kind: str, choice: Choice, place: str = "") -> tuple[Any, Settings]:
    """The class of a choice, imported now, and its parsed settings.

    Raises:
        UserError: nothing is registered under the name, the class cannot be imported, or a setting is wrong.
    """
    loaded = registry.find(kind, choice.name, place).load()
    return loaded, parse(loaded.Config, choice.config, place or choice.name)
