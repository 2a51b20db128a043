"""Everything that a page is given becomes JSON that a browser reads."""

import json

from hypothesis import given
from hypothesis import strategies as st

from harness.summary.rounding import for_javascript, short

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_plain_data_is_strict_json_that_keeps_what_json_has(value):
    text = json.dumps(for_javascript(value), allow_nan=False)
    assert for_javascript(json.loads(text)) == for_javascript(value)


def test_infinities_and_integers_beyond_those_of_javascript_become_text():
    assert for_javascript({"beta": float("-inf"), "rate": float("nan"), "seed": 2**53 + 1, "steps": (2**53, True)}) == {
        "beta": "-inf",
        "rate": "nan",
        "seed": "9007199254740993",
        "steps": [2**53, True],
    }


def test_an_integer_of_four_hundred_digits_has_no_short_form():
    assert short(10**400) is None
