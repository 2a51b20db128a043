"""A suite as TOML that lists its trials one setting after the other, with every value written out."""

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.registry import Registry
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial

BARE = re.compile(r"[A-Za-z0-9_-]+")


def suite_toml(suite: Suite, registry: Registry) -> str:
    """TOML that makes the same trials, whatever sweeps, searches and other files the suite was written with.

    What a model is called is its label with what was swept. A suite of several datasets, as a merge may leave, becomes
    one of the trials of its first.

    Raises:
        UserError: a model's plugin is not loaded.
    """
    dataset = suite.trials[0].dataset
    by_setting: dict[str, list[Trial]] = {}
    for trial in suite.trials:
        if trial.dataset == dataset:
            by_setting.setdefault(trial.setting, []).append(trial)
    lines = [f"title = {_value(suite.title)}", "", "[dataset]", *_pairs({"name": dataset.name, **dataset.config})]
    for setting, trials in by_setting.items():
        first = trials[0]
        lines += ["", "[[models]]", *_pairs({"name": first.model.name, "label": setting})]
        if not registry.find("models", first.model.name).load().trained_elsewhere:
            lines += _pairs({"seeds": [trial.seed for trial in trials], "training": first.training.values()})
        lines += _pairs({"config": first.model.config})
    lines += ["", "[evaluation]", *_pairs({"seed": suite.evaluation_seed})]
    lines += _pairs({"metrics": _choices(suite.metrics), "selectors": _choices(suite.selectors)})
    return "\n".join(lines) + "\n"


def _choices(choices: tuple[Choice, ...]) -> list[Any]:
    return [{"name": choice.name, **choice.config} for choice in choices]


def _pairs(table: Mapping[str, Any]) -> list[str]:
    """The lines of a table; TOML has no null, and a setting that is left out has its default."""
    return [f"{_key(name)} = {_value(value)}" for name, value in table.items() if value is not None]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_pairs(value)) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float):
        return repr(value)  # JSON has other words for infinity and what is no number.
    # A text of JSON is one of TOML, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _value(name)
