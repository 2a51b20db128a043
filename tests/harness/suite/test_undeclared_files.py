"""A setting that names a file and is not declared to is told of."""

import pytest

from harness.plugins.manager import PluginManager
from harness.suite.suite import load_suite
from harness.suite.undeclared_files import undeclared_file_notes
from support import TOY, bars_suite

PLUGIN = """
from typing import Any

import harness
from harness import Field, FilePath
from toy import Linear, Spread


@harness.hookimpl
def harness_register_models(register):
    register("text", Text, "begins with given weights")


@harness.hookimpl
def harness_register_metrics(register):
    register("measured", Measured, "spread in units that a file holds")


class Text(Linear):
    class Config(Linear.Config):
        weights: str = Field("", description="where to begin")
        more: dict[str, tuple[str, ...]] = Field({}, description="other files")
        declared: FilePath | None = Field(None, description="another file")


class Measured(Spread):
    class Config(harness.Settings):
        unit: str = Field("", description="the unit")
"""


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """What is said of the settings of a model and of a metric."""
    monkeypatch.chdir(tmp_path)
    for name in ("weights.pt", "unit"):
        (tmp_path / name).write_text("1")
    plugin, suite = tmp_path / "plugin.py", tmp_path / "suite.toml"
    plugin.write_text(PLUGIN)
    registry = PluginManager([TOY, plugin]).registry

    def told(model="", unit=""):
        metric = {"name": "measured", "unit": unit}
        text = bars_suite(steps=1, model=f"config = {{ {model} }}").replace('"linear"', '"text"')
        suite.write_text(text.replace('["spread"]', f"[{{ name = 'measured', unit = '{metric['unit']}' }}]"))
        return undeclared_file_notes(load_suite(suite, registry))

    return told


@pytest.mark.parametrize(
    ("model", "unit", "place"),
    [
        ("weights = 'weights.pt'", "", "text.weights names the file weights.pt"),
        ("more = { a = ['x', './unit'] }", "", "text.more.a[1] names the file ./unit"),
        ("", "weights.pt", "measured.unit names the file weights.pt"),
    ],
)
def test_a_file_that_a_text_names_is_told_of_once(notes, model, unit, place):
    (note,) = notes(model, unit)
    assert note.startswith(f"{place}, whose content is no part of a trial's identity: ")


@pytest.mark.parametrize("model", ["", "declared = 'weights.pt'", "weights = 'unit'", "weights = 'missing.pt'"])
def test_nothing_else_is(notes, model):
    assert notes(model) == []
