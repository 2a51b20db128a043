"""A name and settings become a choice, and a choice the class that it names with its parsed settings."""

from collections.abc import Mapping
from typing import Any

from harness.config import Settings, parse
from harness.registry import Registry
from harness.suite.trial import Choice


def resolve(registry: Registry, kind: str, name: str, settings: Mapping[str, Any], place: str) -> Choice:
    """A choice of a registered thing, with all its settings checked and filled in.

    Args:
        registry: everything that plugins offer.
        kind: "models", "datasets", "metrics" or "selectors".
        name: its registered name.
        settings: those that differ from the defaults.
        place: what an error names as the place of the mistake, such as "models[0].config".

    Raises:
        UserError: the name or a setting is wrong.
    """
    entry = registry.find(kind, name, place)
    config = parse(entry.load().Config, settings, place)
    return Choice(name, config.values(), entry.plugin.version)


def load_class(registry: Registry, kind: str, choice: Choice, place: str = "") -> tuple[Any, Settings]:
    """The class of a choice, imported now, and its parsed settings.

    Raises:
        UserError: nothing is registered under the name, the class cannot be imported, or a setting is wrong.
    """
    loaded = registry.find(kind, choice.name, place).load()
    return loaded, parse(loaded.Config, choice.config, place or choice.name)
