"""The JSON Schema of suites, with the settings of everything that the installed plugins offer."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.config import Settings
from harness.data.training_images import TrainingImages
from harness.errors import UserError
from harness.registry import Entry, Registry
from harness.sampler import Interval
from harness.suite.resolve import TRAINING
from harness.suite.schema import SuiteFile, Training
from harness.suite.sweep import ZIP, Range

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The latest one that editors' checkers of TOML know."""


def suite_json_schema(registry: Registry) -> Schema:
    """What a suite's TOML may say, so that editors complete and check it.

    A suite that `extends` another may leave out what that has. Checks that need more than the file, such as whether a
    batch is larger than the dataset, are left to `harness run --dry-run`.

    Raises:
        UserError: something that a plugin offers cannot be loaded.
    """
    definitions: Schema = {}
    schema = _settings(SuiteFile, "suite", definitions)
    training = _partial(_settings(Training, "training", definitions))
    definitions["training"] = training
    definitions["range"] = _settings(Range, "range", definitions)
    images = _settings(TrainingImages, "training_images", definitions)
    schema["properties"] |= {
        "extends": {"type": "string", "description": "another suite, of which this one says what is different"},
        "dataset": _by_name(_entries(registry, "datasets"), "datasets", definitions, {TRAINING: images}),
        "training": _ref("training"),
    }
    definitions["suite.ModelEntry"] = _model_entry(registry, definitions)
    for kind in ("metrics", "selectors"):
        entries = _entries(registry, kind)
        chosen = _by_name(entries, kind, definitions)
        names = {"enum": [entry.name for entry in entries]}
        whole = {**chosen, "required": ["name"]}
        definitions["suite.EvaluationTable"]["properties"][kind]["items"] = {
            "if": {"type": "string"},
            "then": names,
            "else": whole,
        }
    del schema["required"]
    return {
        "$schema": DIALECT,
        **schema,
        "title": "A suite of harness",
        "if": {"required": ["extends"]},
        "else": {"required": ["dataset", "models"], "properties": {"dataset": {"required": ["name"]}}},
        "$defs": definitions,
    }


def _entries(registry: Registry, kind: str) -> list[Entry]:
    """Everything of a kind: what is registered, and what can be derived from something that is."""
    derived = [
        rule.entry(base)
        for rule in registry.derivations
        if rule.kind == kind
        for base in registry.entries[rule.base].values()
    ]
    return [*registry.entries[kind].values(), *filter(_can_be_made, derived)]


def _can_be_made(derived: Entry) -> bool:
    """Whether a rule takes its base: not every metric makes every kind of selector."""
    try:
        derived.load()
    except UserError:
        return False
    return True


def _model_entry(registry: Registry, definitions: Schema) -> Schema:
    """A `[[models]]` table: what `config` and `sweep` may hold depends on the name."""
    entry: Schema = definitions["suite.ModelEntry"]
    entry["properties"] |= {"training": _ref("training"), "search": _ref("suite.Search")}
    definitions["interval"] = _settings(Interval, "interval", definitions)
    in_space: Schema = {"anyOf": [_ref("interval"), _ref("range")]}
    trained = definitions["training"]["properties"]
    cases = []
    for model in _entries(registry, "models"):
        config = _partial(_settings(model.load().Config, f"models.{model.name}", definitions))
        definitions[f"models.{model.name}"] = config
        lists = _lists(config["properties"], trained, _ref("range"))
        group = {"type": "object", "properties": lists, "additionalProperties": False, "minProperties": 1}
        definitions[f"models.{model.name}.lists"] = group
        together = {
            "type": "object",
            "properties": lists,
            "additionalProperties": _ref(f"models.{model.name}.lists"),
            "minProperties": 1,
        }
        sweep = {**group, "properties": {**lists, ZIP: together}}
        del sweep["minProperties"]
        space = {**group, "properties": _lists(config["properties"], trained, in_space)}
        search = {"properties": {"space": space}}
        cases.append(_case(model.name, {"config": _ref(f"models.{model.name}"), "sweep": sweep, "search": search}))
    entry["properties"]["name"] = {"enum": [model.name for model in _entries(registry, "models")]}
    return {**entry, "allOf": cases}


def _lists(settings: Mapping[str, Schema], training: Mapping[str, Schema], other: Schema) -> Schema:
    """A list of values of each setting, and of each of the training's, or something other."""
    swept = _swept(training, other)
    return {**_swept(settings, other), "training": {"type": "object", "properties": swept}}


def _swept(properties: Mapping[str, Schema], other: Schema) -> Schema:
    return {
        name: {"if": {"type": "array"}, "then": {"items": setting, "minItems": 1}, "else": other}
        for name, setting in properties.items()
    }


def _by_name(
    entries: Sequence[Entry], kind: str, definitions: Schema, more: Mapping[str, Schema] | None = None
) -> Schema:
    """The schema of a table whose settings depend on its name; any will do where it has none, as to extend a suite."""
    cases = []
    for entry in entries:
        settings = _settings(entry.load().Config, f"{kind}.{entry.name}", definitions)
        properties = {"name": {"const": entry.name}, **settings["properties"], **(more or {})}
        definitions[f"{kind}.{entry.name}"] = {**settings, "properties": properties}
        cases.append(
            {"if": _named(entry.name), "then": _ref(f"{kind}.{entry.name}")},
        )
    return {"type": "object", "properties": {"name": {"enum": [entry.name for entry in entries]}}, "allOf": cases}


def _case(name: str, properties: Schema) -> Schema:
    return {"if": _named(name), "then": {"properties": properties}}


def _named(name: str) -> Schema:
    return {"required": ["name"], "properties": {"name": {"const": name}}}


def _settings(settings: type[Settings], name: str, definitions: Schema) -> Schema:
    """The schema of a table of settings; tables inside it are put among the definitions under its name."""
    schema = settings.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    definitions |= {f"{name}.{key}": inner for key, inner in schema.pop("$defs", {}).items()}
    return {"properties": {}, **schema}


def _partial(schema: Schema) -> Schema:
    """The same table, none of whose keys need be there: they may stand elsewhere."""
    return {key: value for key, value in schema.items() if key != "required"}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
