"""A name and settings become a choice, and a choice the class that it names with its parsed settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config import Settings, named_files, parse
from harness.errors import UserError
from harness.registry import Registry
from harness.suite.file import check_values
from harness.suite.trial import Choice

if TYPE_CHECKING:
    from harness.data.training_images import TrainingImages

TRAINING = "training"
"""The table of a dataset's settings that is not the dataset's own: which of its images are trained on."""


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
    entry = registry.find(kind, name, place)
    loaded = entry.load()
    if kind == "datasets":
        from harness.data.digests import data_digest

        settings, images = apart(settings, place)
        config = parse(loaded.Config, settings, place, folder)
        data, training = data_digest(loaded(config)), {TRAINING: images.values()} if images else {}
    else:
        config = parse(loaded.Config, settings, place, folder)
        data, training = "", {}
    values = config.values() | training
    check_values(values, place)
    files = {str(file): _digest(file, where) for where, file in named_files(config, place)}
    return Choice(name, values, entry.plugin.version, files, data, Path(entry.plugin.distribution).name)


def choose(registry: Registry, kind: str, item: str | Mapping[str, Any], place: str, folder: Path) -> Choice:
    """The choice of a name, or of a table of a name and settings side by side.

    Raises:
        UserError: see `resolve_choice`; or there is no name.
    """
    settings = {"name": item} if isinstance(item, str) else dict(item)
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise UserError(f"{place}.name: this key is required and is a text")
    return resolve_choice(registry, kind, name, settings, place, folder)


def apart(settings: Mapping[str, Any], place: str) -> "tuple[dict[str, Any], TrainingImages | None]":
    """The settings that are a dataset's own, and which of its images are trained on; None for all, alike.

    Raises:
        UserError: `training` is no table, or one of its keys or values is wrong.
    """
    from harness.data.training_images import TrainingImages

    own = dict(settings)
    training = own.pop(TRAINING, {})
    if not isinstance(training, Mapping):
        raise UserError(f"{place}.{TRAINING}: got {training!r}, expected a table")
    images = parse(TrainingImages, training, f"{place}.{TRAINING}")
    return own, None if images == TrainingImages() else images


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
    """The class of a choice of anything but a dataset, imported now, and its parsed settings.

    Raises:
        UserError: nothing is registered under the name, the class cannot be imported, or a setting is wrong.
    """
    loaded = registry.find(kind, choice.name, place).load()
    return loaded, parse(loaded.Config, choice.config, place or choice.name)
