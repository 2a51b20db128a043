"""A suite written out as TOML."""

import math
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from harness.suite.schema import Training
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial
from harness.suite.written import suite_toml

TEXTS = st.text() | st.text(st.sampled_from('🎲\x7f\x00\x1f\x85\u2028\uffff"\\\r\n#.é'))


@given(text=TEXTS, name=TEXTS, number=st.floats(allow_nan=False))
def test_titles_labels_settings_and_their_names_may_hold_any_character(registry, text, name, number):
    dataset = Choice("bars", {name: [text, {"inner": number}]})
    trial = Trial(dataset, Choice("linear", {"size": 3}), Training(), 0, text)
    written = suite_toml(Suite(text, "made-up", (trial,), (), (), 0), registry)
    read = tomllib.loads(written.encode().decode())
    assert [read["title"], read["models"][0]["label"]] == [text, text]
    assert read["dataset"] == {"name": "bars", name: [text, {"inner": number}]}


def test_what_is_no_number_and_half_a_character_leave_the_file_readable(registry):
    trial = Trial(Choice("bars", {"odd": math.nan}), Choice("linear"), Training(), 0, "half \ud83d")
    written = suite_toml(Suite("half \ude00", "made-up", (trial,), (), (), 0), registry)
    read = tomllib.loads(written.encode(errors="replace").decode())
    assert [read["title"], read["models"][0]["label"]] == ["half ?", "half ?"]
    assert math.isnan(read["dataset"]["odd"])
