"""Whatever is wrong with a suite, a table of codes or a results folder: a message and exit code 2, no traceback.

Valid inputs are spoilt by hypothesis in one to three places. What stays valid by luck must do its work (exit code 0).
Every case goes through the command line, in this process. Few cases run by default, 2,000 with `pytest -m slow`.
"""

import json
import shutil
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strange import ended

from harness.execution.plan import RunOptions
from harness.execution.study import run
from support import TOY, places

FEW, MANY = 20, 2000

SUITE = {
    "title": "Bars",
    "seeds": 2,
    "dataset": {"name": "bars", "brightness": 0.5},
    "training": {"steps": 4, "batch_size": 16, "held_out": 3, "precision": "float32"},
    "models": [
        {"name": "linear", "sweep": {"size": [2, 3], "training": {"steps": [1, 2]}}, "config": {"noise": 0.2}},
        {"name": "linear", "label": "b", "seeds": [3], "training": {"held_out": 0}},
        {"name": "vae", "config": {"latents": 3, "width": 0.1}},
    ],
    "evaluation": {
        "metrics": ["mig", {"name": "factorvae", "protocol": "infogan-cr"}],
        "selectors": ["udr-lasso", "supervised:mig"],
        "seed": 1,
    },
}
SPRITES = {"name": "sprites", "image_size": 32, "scales": 2, "orientations": 2, "positions_x": 2, "positions_y": 2}

WORDS = st.sampled_from(
    [
        *("", "name", "linear", "bars", "mig", "beta-vae", "dcgan", "supervised:mig", "supervised:", "training.steps"),
        *("size", "../x", "extends", "schema_version", "NaN", "[", "\n", "é", "\x00"),
    ]
)
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2, 3.5, 1e308, -0.0, 2**31, 2**63, -(2**63), 10**12, 10**30]),
    st.floats(),
    st.integers(-5, 70),
)
VALUES = st.recursive(
    st.one_of(st.booleans(), NUMBERS, WORDS, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=4,
)


@st.composite
def spoilt(draw, data, values=VALUES):
    """Nested data with some places replaced, taken away, renamed, doubled or wrapped."""
    data = deepcopy(data)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(data))
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        what = draw(st.sampled_from(["replace", "replace", "remove", "rename", "double", "wrap"]))
        if what == "replace":
            container[key] = draw(values)
        elif what == "remove":
            del container[key]
        elif what == "wrap":
            container[key] = [container[key]]
        elif isinstance(container, list):
            container.append(container[key])
        elif what == "rename":
            container[draw(WORDS)] = container.pop(key)
        else:
            container[draw(WORDS)] = container[key]
    return data


def toml(value):
    """A value as TOML, all tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


def cut(content, damage):
    """A file's content cut off or changed at one place."""
    place, byte = damage
    place = int(place * len(content))
    return content[:place] if byte is None else content[:place] + bytes([byte]) + content[place + 1 :]


DAMAGE = st.tuples(st.floats(0, 1, exclude_max=True), st.none() | st.integers(0, 255))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, manager):
    """A folder with a finished small study."""
    folder = tmp_path_factory.mktemp("malformed")
    lines = [f"{key} = {toml(value)}" for key, value in SUITE.items()]
    (folder / "good.toml").write_text("\n".join(lines).replace('{"name" = "vae", "config"', '{"name" = "linear", "x"'))
    small = [
        'dataset.name = "bars"\ntraining = {steps = 2, batch_size = 16}\n[[models]]\nname = "linear"\n',
        '[evaluation]\nmetrics = ["spread", "mig"]\n',
    ]
    (folder / "small.toml").write_text("".join(small))
    run(folder / "small.toml", folder / "done", options=RunOptions(device="cpu", jobs=1, threads=1), plugins=manager)
    return folder


def ends_well(*arguments):
    """Run a command; it must do its work, or say what is wrong and end with code 2."""
    code, _, told = ended(*arguments)
    assert code in (0, 2), told
    if code == 2:
        assert told.startswith("harness: ")
        assert len(told.strip()) > len("harness: ") + 5, told


def cases(strategy, few=FEW, many=MANY):
    """Run a test on few cases, and on many when slow tests are asked for."""

    def decorate(test):
        quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.large_base_example]

        @pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.slow)])
        def repeated(folder, count):
            @settings(max_examples=count, suppress_health_check=quiet, deadline=None)
            @given(strategy)
            def one(case):
                test(folder, case)

            one()

        return repeated

    return decorate


@cases(st.one_of(spoilt(SUITE), spoilt({**SUITE, "dataset": SPRITES})))
def test_suites(folder, data):
    file = folder / "suite.toml"
    file.write_text("\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in data.items()), encoding="utf-8")
    ends_well("run", file, "--dry-run", "--plugin", TOY)


@cases(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))), 10)
def test_suites_that_are_no_toml(folder, content):
    (folder / "suite.toml").write_bytes(content)
    ends_well("run", folder / "suite.toml", "--dry-run", "--plugin", TOY)


PATHS = st.lists(st.sampled_from(["training", "models", "linear", "b", "0", "steps", "config", "noise", "seeds", ""]))
OVERRIDES = st.one_of(st.builds("{}={}".format, PATHS.map(".".join), VALUES.map(toml)), st.text(max_size=20))


@cases(st.lists(OVERRIDES, min_size=1, max_size=3))
def test_overrides(folder, overrides):
    options = [part for text in overrides if "\x00" not in text for part in ("--set", text)]
    ends_well("run", folder / "small.toml", "--dry-run", "--plugin", TOY, *options)


TABLE = {
    "codes": np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32),
    "factor_sizes": np.array([2, 3]),
    "factor_values": np.array([[a, b] for a in range(2) for b in range(3)], dtype=float),
    "is_continuous": np.array([True, False]),
    "train_index": np.arange(6),
    "test_index": np.arange(6),
    "group_index": np.array([[0, 1], [0, 3], [1, 4]]),
    "group_label": np.array([0, 1, 1]),
}
MODELS = {**TABLE, "codes": np.stack([TABLE["codes"], TABLE["codes"][::-1], -TABLE["codes"]]), "kl": np.ones((3, 2))}
TYPES = st.sampled_from(["float32", "float64", "int64", "uint8", "bool", "complex64", "U3", "S2", "M8[s]", "float16"])


@st.composite
def spoilt_arrays(draw, arrays):
    """Arrays some of which have other shapes, types or contents."""
    arrays = dict(arrays)
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(arrays)))
        array = np.array(arrays[name])
        what = draw(st.sampled_from(["remove", "shape", "type", "content", "content", "empty", "scalar", "rename"]))
        if what == "remove":
            del arrays[name]
        elif what == "rename":
            other = draw(
                st.sampled_from(["codes", "kl", "x_index", "cross_factor_vae_scores", "hyperparameters", "a/b"])
            )
            arrays[other] = arrays.pop(name)
        elif what == "shape":
            array = np.atleast_1d(array)
            changed = [array[:1], array[..., None], array.T, array.ravel(), array[None], np.repeat(array, 2, axis=0)]
            arrays[name] = draw(st.sampled_from(changed))
        elif what == "type":
            numbers = np.nan_to_num(array.astype(float)) if array.dtype.kind in "biuf" else np.ones(array.shape)
            arrays[name] = numbers.clip(0, 9).astype("int64").astype(draw(TYPES))
        elif what == "content" and array.size and array.dtype.kind in "biuf":
            values = [0, -1, 5, 7, 2**31, 1e30, 1e-30, np.nan, np.inf, 0.5]
            array = array.astype(float)
            array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from(values))
            with np.errstate(all="ignore"):
                arrays[name] = array if draw(st.booleans()) else np.nan_to_num(array).clip(-1e9, 1e9).astype(np.int64)
        elif what == "empty":
            arrays[name] = array[:0] if array.ndim else array
        elif what == "scalar":
            arrays[name] = array.ravel()[:1].reshape(()) if array.size else array
    return arrays


METRICS = ("mig", "factorvae", "sap", "modularity", "dhsic")


@cases(st.tuples(spoilt_arrays(TABLE), st.sampled_from(METRICS)))
def test_tables_of_codes(folder, case):
    arrays, metric = case
    np.savez(folder / "codes.npz", **arrays)
    ends_well("score", folder / "codes.npz", "--metric", metric, "--format", "json")


SELECTORS = ("udr-spearman", "udr-lasso", "random", "supervised:mig", "model-centrality")


@cases(st.tuples(spoilt_arrays(MODELS), st.sampled_from(SELECTORS)))
def test_tables_of_several_models(folder, case):
    arrays, selector = case
    np.savez(folder / "codes.npz", **arrays)
    ends_well("select", folder / "codes.npz", "--selector", selector, "--format", "json")


@cases(st.tuples(DAMAGE, st.booleans()), 15)
def test_damaged_tables_of_codes(folder, case):
    damage, compressed = case
    (np.savez_compressed if compressed else np.savez)(folder / "codes.npz", **TABLE)
    (folder / "codes.npz").write_bytes(cut((folder / "codes.npz").read_bytes(), damage))
    ends_well("score", folder / "codes.npz", "--metric", "mig")


def copied(folder):
    """The finished study, afresh, and the folder of its trial."""
    shutil.rmtree(folder / "copy", ignore_errors=True)
    shutil.copytree(folder / "done", folder / "copy")
    (trial,) = (folder / "copy" / "trials").iterdir()
    return folder / "copy", trial


@cases(DAMAGE, 15)
def test_damaged_models(folder, damage):
    results, trial = copied(folder)
    file = trial / "model.safetensors"
    file.write_bytes(cut(file.read_bytes(), damage))
    ends_well("samples", results / "linear", "--count", 2, "--plugin", TOY, "--output", folder / "samples")


@cases(st.tuples(st.sampled_from(["suite.json", "result.json", "trial.json"]), st.data()))
def test_spoilt_records(folder, case):
    name, data = case
    results, trial = copied(folder)
    file = results / name if name == "suite.json" else trial / name
    content = json.loads(file.read_text())
    content.pop("sha256", None)  # Which would tell at once.
    file.write_text(json.dumps(data.draw(spoilt(content))))
    ends_well("leaderboard", results)
    ends_well("report", results, "--pictures", "none", "--output", folder / "report.html", "--plugin", TOY)


@cases(st.tuples(st.sampled_from(["suite.json", "result.json", "history.parquet"]), DAMAGE), 15)
def test_damaged_records(folder, case):
    name, damage = case
    results, trial = copied(folder)
    file = results / name if name == "suite.json" else trial / name
    file.write_bytes(cut(file.read_bytes(), damage))
    ends_well("leaderboard", results)
    ends_well("report", results, "--pictures", "none", "--output", folder / "report.html", "--plugin", TOY)
