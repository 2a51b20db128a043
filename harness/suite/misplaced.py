"""Where a key of a suite that stands in the wrong table belongs, by what every table declares."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from harness.config import Settings, SettingsError, WrongSetting, settings_in
from harness.data.training_images import TrainingImages
from harness.errors import MOST_MEANT, UserError
from harness.registry import Registry
from harness.suite.resolve import TRAINING
from harness.suite.schema import ModelEntry, SuiteFile, Training

CLOSE = 0.8
"""The likeness to a key of its own table above which an unknown one is misspelt rather than misplaced."""

Tables = Mapping[str, type[Settings]]


def with_places(error: SettingsError, content: Mapping[str, Any], registry: Registry) -> SettingsError:
    """The same error, with a hint for each key that another table has and each list that belongs into a sweep.

    Args:
        error: what is wrong in a suite.
        content: the suite, of which more may be wrong.
        registry: the models and datasets there are.
    """
    tables = dict(_tables(content, registry))
    return SettingsError(*(replace(wrong, hint=_hint(wrong, content, tables) or wrong.hint) for wrong in error.args))


def places_of(key: str) -> list[str]:
    """The places of a key in the tables that every suite may have but for those of models and data."""
    return [_join(place, key) for place in _having(key, None, dict(_inner(SuiteFile, "")))]


def _tables(content: Mapping[str, Any], registry: Registry) -> Iterator[tuple[str, type[Settings]]]:
    """Each table that the suite has or might have, by its place; of a model its `config` first."""
    for index, entry in enumerate(content["models"] if isinstance(content.get("models"), list) else ()):
        place = f"models[{index}]"
        yield from _config(registry, "models", entry, f"{place}.config")
        yield f"{place}.{TRAINING}", Training
        yield from _inner(ModelEntry, place)
    yield from _inner(SuiteFile, "")
    yield from _config(registry, "datasets", content.get("dataset"), "dataset")
    yield f"dataset.{TRAINING}", TrainingImages


def _inner(cls: type[Settings], place: str) -> Iterator[tuple[str, type[Settings]]]:
    """A table and those that it declares inside it, but for lists of tables."""
    yield place, cls
    for name, field in cls.model_fields.items():
        inner = settings_in(field.annotation)
        if inner is not None and inner is not ModelEntry:
            yield _join(place, name), inner


def _config(registry: Registry, kind: str, table: Any, place: str) -> Iterator[tuple[str, type[Settings]]]:
    """The settings of what a table names, if it is there."""
    name = table.get("name") if isinstance(table, Mapping) else None
    if isinstance(name, str) and name in registry.entries[kind]:
        try:
            yield place, registry.find(kind, name).load().Config
        except UserError:
            return


def _hint(wrong: WrongSetting, content: Mapping[str, Any], tables: Tables) -> str:
    table, _, key = wrong.place.rpartition(".")
    model = _model_of(table)
    swept = model is not None and key in _swept(content["models"][model])
    if wrong.unknown and table in tables and not get_close_matches(key, tables[table].model_fields, cutoff=CLOSE):
        places = [_in_sweep(place) if swept else place for place in _having(key, model, tables)]
        names = [f"'{_join(place, key)}'" for place in places[:MOST_MEANT]]
        return f"did you mean {' or '.join(names)}?" if names else ""
    if wrong.is_list and not swept and table == TRAINING:
        return f"several values go into 'sweep.{TRAINING}.{key}' of a model"
    if wrong.is_list and not swept and table in (f"models[{model}].config", f"models[{model}].{TRAINING}"):
        return f"several values go into '{_in_sweep(table)}.{key}'"
    return ""


def _having(key: str, model: int | None, tables: Tables) -> list[str]:
    """The tables that may have a key: those of the same model, else those of no model, else those of any.

    What is required stands where it belongs.
    """
    having = [
        place for place, cls in tables.items() if key in cls.model_fields and not cls.model_fields[key].is_required()
    ]
    of_model = [place for place in having if model is not None and _model_of(place) == model]
    return of_model or [place for place in having if _model_of(place) is None] or having


def _model_of(place: str) -> int | None:
    """Which `[[models]]` table a place is in."""
    found = re.match(r"models\[(\d+)\]", place)
    return int(found[1]) if found else None


def _swept(entry: Mapping[str, Any]) -> set[str]:
    """The settings that a sweep varies, those of the training too."""
    sweep = entry.get("sweep")
    if not isinstance(sweep, Mapping):
        return set()
    training = sweep.get(TRAINING)
    return {*sweep, *(training if isinstance(training, Mapping) else ())}


def _in_sweep(place: str) -> str:
    """Where several values of a model's table stand: those of `config` in `sweep`, of `training` in a table there."""
    model, _, table = place.partition(".")
    return f"{model}.sweep" if table == "config" else f"{model}.sweep.{table}"


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
