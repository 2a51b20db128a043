import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.execution.schedule import longest_first, shard
from harness.results.result import Outcome, Result
from harness.suite.schema import Training
from harness.suite.trial import Choice, Trial


def trial(steps=10, seed=0, model="linear", batch_size=8, **config):
    return Trial(Choice("bars"), Choice(model, config), Training(steps=steps, batch_size=batch_size), seed)


def ended(of, seconds, fleet=1, outcome=Outcome.FINISHED):
    return of, Result(of.id, outcome, seconds=seconds, provenance={"fleet": fleet})


def test_more_images_take_longer_where_nothing_is_known():
    fleets = [[trial(10)], [trial(10, batch_size=32)], [trial(20)], [trial(12, seed=0), trial(12, seed=1)]]
    assert longest_first(fleets, []) == [fleets[1], fleets[3], fleets[2], fleets[0]]


def test_what_equals_keeps_the_suites_order():
    fleets = [[trial(seed=seed)] for seed in range(5)]
    assert longest_first(fleets, []) == fleets


def test_seconds_of_finished_trials_tell_more_than_images():
    slow, quick = trial(10, model="slow"), trial(1000, model="quick")
    known = [ended(trial(10, 1, "slow"), 60.0), ended(trial(1000, 1, "quick"), 5.0)]
    assert longest_first([[quick], [slow]], known) == [[slow], [quick]]
    # A fleet's seconds are those of all its members together.
    known[0] = ended(trial(10, 1, "slow"), 60.0, fleet=60)
    assert longest_first([[slow], [quick]], known) == [[quick], [slow]]


def test_the_same_setting_is_asked_before_the_same_model_and_that_before_any():
    wide, narrow, other = trial(width=2), trial(width=1), trial(model="other")
    known = [ended(trial(seed=1, width=2), 1.0), ended(trial(seed=1, width=9), 5.0)]
    # width=2: 1 s; width=1: the model's mean, 3 s; other: the mean of all, 3 s, after what comes first.
    assert longest_first([[wide], [narrow], [other]], known) == [[narrow], [other], [wide]]


def test_what_is_trained_already_comes_last_and_failures_tell_nothing():
    done, new = trial(1000), trial(1)
    known = [ended(done, 0.001), ended(trial(1, 1), 1e9, outcome=Outcome.FAILED)]
    assert longest_first([[done], [new]], known) == [[new], [done]]


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 12))
def test_parts_are_everything_once_and_even(steps, count):
    fleets = [[trial(number, seed)] for seed, number in enumerate(steps)]
    parts = [shard(fleets, number, count) for number in range(1, count + 1)]
    assert sorted(fleet[0].seed for own in parts for fleet in own) == list(range(len(fleets)))
    loads = [sum(fleet[0].training.steps for fleet in own) for own in parts]
    assert max(loads) - min(loads) <= max(steps, default=0) + len(fleets)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_equal_trials_are_dealt_out_in_turn(number):
    fleets = [[trial(seed=seed)] for seed in range(7)]
    assert shard(fleets, number, 3) == fleets[number - 1 :: 3]
