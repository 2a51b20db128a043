"""The JSON Schema of suites accepts what the harness accepts, and refuses what it refuses, as far as a schema can."""

import json
import tomllib

import jsonschema
import pytest
from click.testing import CliRunner

from harness import UserError
from harness.cli.commands.schema import command
from harness.suite.json_schema import suite_json_schema
from harness.suite.suite import load_suite
from support import ROOT, TOY


@pytest.fixture(scope="module")
def validator(registry):
    schema = suite_json_schema(registry)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("path", sorted((ROOT / "suites").rglob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_suite_is_valid(validator, path):
    validator.validate(tomllib.loads(path.read_text()))


SUITE = """
title = "Everything that a suite may say"
seeds = [3, 5]
[dataset]
name = "bars"
brightness = 0.5
[dataset.training]
correlated = [{ factors = ["row", "column"], sigma = 0.4 }]
forbidden = [{ row = [0, 1], column = 7 }]
split = { kind = "extrapolation", factors = ["row"], share = 0.25 }
[training]
steps = 3
batch_size = 4
[[models]]
name = "linear"
label = "line"
config.size = 4
sweep.noise = [0.1, 0.2]
sweep.training.steps = { from = 1, to = 3, count = 3 }
[[models]]
name = "linear"
label = "zipped"
training.batch_size = 8
sweep.zip = { size = [2, 3], noise = { from = 0.1, to = 0.2, step = 0.1 } }
[[models]]
name = "linear"
label = "groups"
seeds = 1
sweep.zip.a = { size = [2, 3], training.steps = [1, 2] }
sweep.zip.b = { noise = [0.1, 0.2] }
[[models]]
name = "linear"
label = "drawn"
[models.search]
budget = 4
seed = 1
[models.search.space]
size = { from = 2, to = 9 }
noise = { from = 0.1, to = 0.3, count = 3 }
training.batch_size = [16, 32]
[evaluation]
metrics = ["mig", { name = "factorvae", protocol = "infogan-cr" }]
selectors = ["random", "supervised:mig", { name = "supervised:factorvae", protocol = "infogan-cr" }]
seed = 2
"""


def test_everything_that_a_suite_may_say_is_valid(validator, suite_file, registry):
    assert load_suite(suite_file(SUITE), registry).trials
    validator.validate(tomllib.loads(SUITE))


BROKEN = [
    ("title = ", "titel = ", []),
    ("seeds = [3, 5]", 'seeds = "3"', ["seeds"]),
    ('name = "bars"', 'name = "bar"', ["dataset", "name"]),
    ('name = "bars"\n', "", ["dataset"]),
    ("brightness = 0.5", "brightnes = 0.5", ["dataset"]),
    ("brightness = 0.5", "brightness = 2", ["dataset", "brightness"]),
    ("sigma = 0.4", "sigma = 0", ["dataset", "training", "correlated", 0, "sigma"]),
    ("row = [0, 1]", 'row = "0"', ["dataset", "training", "forbidden", 0, "row"]),
    ('"extrapolation"', '"other"', ["dataset", "training", "split"]),
    ("steps = 3\nbatch", "steps = -3\nbatch", ["training", "steps"]),
    ('name = "linear"\nlabel = "line"', 'name = "liner"\nlabel = "line"', ["models", 0, "name"]),
    ('name = "linear"\nlabel = "line"', 'label = "line"', ["models", 0]),
    ("config.size = 4", "config.sise = 4", ["models", 0, "config"]),
    ("config.size = 4", "config.size = 4.5", ["models", 0, "config", "size"]),
    ("sweep.noise = [0.1, 0.2]", "sweep.nose = [0.1, 0.2]", ["models", 0, "sweep"]),
    ("sweep.noise = [0.1, 0.2]", "sweep.noise = 0.1", ["models", 0, "sweep", "noise"]),
    ("sweep.noise = [0.1, 0.2]", "sweep.noise = []", ["models", 0, "sweep", "noise"]),
    ("sweep.noise = [0.1, 0.2]", 'sweep.noise = ["much"]', ["models", 0, "sweep", "noise", 0]),
    ("to = 3, count = 3", "to = 3, cuont = 3", ["models", 0, "sweep", "training", "steps"]),
    ("size = [2, 3], noise = {", "sise = [2, 3], noise = {", ["models", 1, "sweep", "zip", "sise"]),
    ("sweep.zip.b = { noise", "sweep.zip.b = { nose", ["models", 2, "sweep", "zip", "b"]),
    ("training.batch_size = 8", 'training.batch_size = "8"', ["models", 1, "training", "batch_size"]),
    ("budget = 4", "budgte = 4", ["models", 3, "search"]),
    ("budget = 4", "budget = 0", ["models", 3, "search", "budget"]),
    ("size = { from = 2, to", "sise = { from = 2, to", ["models", 3, "search", "space"]),
    ("batch_size = [16, 32]", "batch_size = 16", ["models", 3, "search", "space", "training", "batch_size"]),
    ('["mig",', '["mik",', ["evaluation", "metrics", 0]),
    ('protocol = "infogan-cr" }]\nsel', 'protocol = "infogan" }]\nsel', ["evaluation", "metrics", 1, "protocol"]),
    ('{ name = "factorvae", p', "{ p", ["evaluation", "metrics", 1]),
    ('"supervised:mig"', '"supervised:mik"', ["evaluation", "selectors", 1]),
    ("seed = 2", "sead = 2", ["evaluation"]),
]


@pytest.mark.parametrize(("right", "wrong", "place"), BROKEN, ids=lambda part: None if isinstance(part, list) else part)
def test_what_the_harness_refuses_is_refused_at_its_place(validator, suite_file, registry, right, wrong, place):
    assert right in SUITE
    text = SUITE.replace(right, wrong, 1)
    with pytest.raises(UserError):
        load_suite(suite_file(text), registry)
    assert place in [list(error.absolute_path) for error in validator.iter_errors(tomllib.loads(text))]


def test_a_suite_that_extends_another_says_what_is_different(validator):
    validator.validate({"extends": "other.toml", "dataset": {"image_size": 32}})
    assert not validator.is_valid({"dataset": {"name": "bars"}})
    assert not validator.is_valid({"extends": "other.toml", "titel": ""})


def test_the_command_prints_or_writes_it(tmp_path):
    file = tmp_path / "suite.schema.json"
    printed = CliRunner().invoke(command, ["--plugin", str(TOY)], standalone_mode=False).output
    CliRunner().invoke(command, ["--plugin", str(TOY), "--output", str(file)], standalone_mode=False)
    schema = json.loads(file.read_text())
    assert json.loads(printed) == schema
    missing = CliRunner().invoke(command, ["--output", str(tmp_path / "no/file")], standalone_mode=False)
    assert "no/file: cannot be written" in str(missing.exception)
    assert schema["$defs"]["datasets.bars"]["properties"]["brightness"]["maximum"] == 1
    assert "training" in schema["$defs"]["datasets.sprites"]["properties"]
