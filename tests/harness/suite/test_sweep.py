"""Sweeps: lists that multiply, lists that go together, groups of them, and ranges."""

import pytest

from harness import UserError
from harness.suite.suite import load_suite
from harness.suite.sweep import expand


def swept(table):
    return expand(table, "sweep")


def test_lists_multiply_and_a_zip_is_one_of_them():
    table = {"a": [1, 2], "zip": {"b": [3, 4, 5], "training": {"steps": [30, 40, 50]}}, "c": ["x"]}
    assert swept(table) == [
        {"a": a, "b": b, "training.steps": 10 * b, "c": "x"} for a in (1, 2) for b in (3, 4, 5)
    ]  # fmt: skip


def test_groups_multiply_with_each_other_and_with_what_has_no_name():
    table = {"zip": {"x": [1, 2], "y": [10, 20], "small": {"a": [1, 2], "b": [3, 4]}, "one": {"c": [7]}}}
    assert swept(table) == [
        {"x": x, "y": 10 * x, "a": a, "b": a + 2, "c": 7} for x in (1, 2) for a in (1, 2)
    ]  # fmt: skip


def test_no_sweep_is_one_point():
    assert swept({}) == [{}]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"from": 1, "to": 4, "count": 4}, [1, 2, 3, 4]),
        ({"from": 1.0, "to": 4.0, "count": 3}, [1.0, 2.5, 4.0]),
        ({"from": 1.0, "to": 16.0, "count": 5, "scale": "log"}, [1.0, 2.0, 4.0, 8.0, 16.0]),
        ({"from": 1, "to": 1000, "count": 4, "scale": "log"}, [1, 10, 100, 1000]),
        ({"from": 1e-4, "to": 1e-2, "count": 3, "scale": "log"}, [1e-4, 1e-3, 1e-2]),
        ({"from": 0.0, "to": 0.3, "step": 0.1}, [0.0, 0.1, 0.2, 0.3]),
        ({"from": 10, "to": 3, "step": -3}, [10, 7, 4]),
        ({"from": 1, "to": 2, "count": 5}, [1, 2]),
    ],
)
def test_a_range_is_the_list_of_its_values(given, values):
    found = [point["x"] for point in swept({"x": given})]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_ranges_stand_in_a_zip_and_under_training_too():
    found = swept({"zip": {"beta": {"from": 1, "to": 3, "count": 3}, "training": {"steps": [5, 6, 7]}}})
    assert found == [
        {"beta": 1, "training.steps": 5},
        {"beta": 2, "training.steps": 6},
        {"beta": 3, "training.steps": 7},
    ]
    assert len(swept({"training": {"steps": {"from": 10, "to": 30, "step": 10}}})) == 3


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"zip": {"a": [1, 2], "b": [1]}},
            r"sweep\.zip: lists that go together have the same length: a has 2, b has 1",
        ),
        ({"zip": {"g": {"a": [1, 2], "b": [1]}}}, r"sweep\.zip\.g: lists that go together have the same length"),
        ({"zip": [1]}, r"sweep\.zip: got \[1\], expected a table of lists that go together"),
        ({"zip": {}}, r"sweep\.zip: the table is empty"),
        ({"zip": {"g": {}}}, r"sweep\.zip\.g: the table is empty"),
        ({"zip": {"a": []}}, r"sweep\.zip\.a: the list is empty"),
        ({"zip": {"a": 3}}, r"sweep\.zip\.a: got 3, expected a list of values, or a range from \.\.\. to"),
        ({"a": [1], "zip": {"a": [2]}}, r"sweep\.a: the key is swept twice"),
        ({"zip": {"g": {"a": [1]}, "h": {"a": [2]}}}, r"sweep\.a: the key is swept twice"),
        ({"a": {"from": 1, "to": 2}}, r"sweep\.a: .*expected either count or step"),
        ({"a": {"from": 1, "too": 2}}, r"sweep\.a\.too: unknown key; did you mean 'to'"),
        ({"a": {"from": 1, "to": 2, "step": -1}}, r"sweep\.a: .*a step that leads from the one end to the other"),
        ({"a": {"from": 0, "to": 2, "count": 3, "scale": "log"}}, r"sweep\.a: .*ends above 0 for a log scale"),
        ({"a": {"from": 0, "to": 1.0, "step": 1e-9}}, r"sweep\.a: .*at most 10,000 values"),
        ({"a": {"from": 1, "to": 2, "count": 1}}, r"sweep\.a\.count: got 1"),
    ],
)
def test_what_is_no_sweep_is_explained(table, message):
    with pytest.raises(UserError, match=message):
        swept(table)


def test_a_suite_with_a_zip_has_its_trials_and_the_same_ones_as_written_out(suite_file, registry):
    text = '[dataset]\nname = "bars"\n[training]\nbatch_size = 8\n'
    sweep = '[[models]]\nname = "linear"\nsweep.zip = { size = [2, 3], noise = [0.1, 0.2], training.steps = [5, 6] }\n'
    single = (
        '[[models]]\nname = "linear"\nlabel = "{0}"\nconfig = {{ size = {0}, noise = {1} }}\ntraining.steps = {2}\n'
    )
    zipped = load_suite(suite_file(text + sweep), registry).trials
    written = load_suite(suite_file(text + single.format(2, 0.1, 5) + single.format(3, 0.2, 6)), registry).trials
    assert [trial.id for trial in zipped] == [trial.id for trial in written]
    assert zipped[1].setting == "linear size=3 noise=0.2 training.steps=6"


def test_a_swept_key_is_not_set_beside_it_either(suite_file, registry):
    text = '[dataset]\nname = "bars"\n[[models]]\nname = "linear"\nconfig.size = 2\nsweep.zip.g = { size = [2, 3] }\n'
    with pytest.raises(
        UserError, match=r"models\[0\]\.sweep\.size: the key also stands in models\[0\]\.config; keep one"
    ):
        load_suite(suite_file(text), registry)
