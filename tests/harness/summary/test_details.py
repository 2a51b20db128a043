"""Details that any metric may give are understood by their names and types, and nothing else is."""

import pytest

from harness.summary.details import active_codes, matrices, numbers

MATRIX = [[0.25, 0.5], [0.125, 1.0]]


def test_numbers_are_short_and_text_is_none():
    assert numbers({"a": 1.23456, "b": "text", "c": [1.0], "d": float("inf"), "e": 10**400}) == {
        "a": 1.235, "d": None, "e": None
    }  # fmt: skip


@pytest.mark.parametrize("name", ["matrix", "mutual_information", "importance_matrix"])
def test_rows_are_numbered_by_the_active_codes_where_there_are_as_many(name):
    assert [tuple(each) for each in matrices({name: MATRIX})] == [(name, [0, 1], MATRIX)]
    assert next(matrices({name: MATRIX, "active_codes": [3, 7]})).rows == [3, 7]
    assert next(matrices({name: MATRIX, "active_codes": [3]})).rows == [0, 1]


@pytest.mark.parametrize("value", [[], [1.0], [[]], [[1.0], [1.0, 2.0]], "text", {"a": 1}])
def test_what_is_no_matrix_is_not_drawn_as_one(value):
    assert list(matrices({"matrix": value})) == []


def test_other_names_are_not_drawn():
    assert list(matrices({"votes": MATRIX})) == []


@pytest.mark.parametrize(
    ("found", "expected"), [([], []), ([1, 4], [1, 4]), ([True], None), ([-1], None), (["1"], None), (3, None)]
)
def test_active_codes_are_numbers_of_codes_or_not_told(found, expected):
    assert active_codes({"active_codes": found}) == expected
    assert active_codes({}) is None
