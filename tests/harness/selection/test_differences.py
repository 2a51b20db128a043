"""Selectors are compared by their regret over the same resampled pools."""

import numpy as np
import pytest

from harness import PointwiseSelector
from harness.selection.differences import RANDOM, JudgedPool, regret_differences
from harness.selection.judge import RESAMPLES, ComparedPool, judge

VALUE = np.array([0.1, 0.5, 0.9, 0.3, 0.7, 0.2])
NAMES = list("abcdef")


def judged(name, scores, value=VALUE, trials=NAMES):
    return JudgedPool(name, "{}", ComparedPool(PointwiseSelector(None), trials, np.asarray(scores, float)), value)


def differences(*pools):
    return {(row["selector"], row["other"]): row for row in regret_differences(pools, RESAMPLES)}


def test_who_sees_the_truth_is_better_than_chance_and_than_who_turns_it_round():
    found = differences(judged("truth", VALUE), judged("opposite", -VALUE))
    assert set(found) == {("truth", RANDOM), ("opposite", RANDOM), ("truth", "opposite")}
    row = found["truth", "opposite"]
    assert row["difference"] == pytest.approx(0.0 - (0.9 - 0.1))
    assert row["low"] <= row["difference"] < row["high"] < 0
    assert row["better"] > 0.95
    chance = found["truth", RANDOM]
    assert chance["difference"] == pytest.approx(-(0.9 - VALUE.mean()))
    assert chance["high"] < 0
    assert found["opposite", RANDOM]["low"] > 0


def test_equal_selectors_do_not_differ_in_any_pool():
    row = differences(judged("one", VALUE**2), judged("other", np.exp(VALUE)))["one", "other"]
    assert (row["difference"], row["low"], row["high"], row["better"]) == (0, 0, 0, 0.5)


def test_a_difference_is_that_of_the_regrets_that_are_judged():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, len(VALUE)))
    pools = [judged(f"{number}", each) for number, each in enumerate(scores)]
    row = differences(*pools)["0", "1"]
    first, second = (judge(each.pool, VALUE)["regret"] for each in pools)
    assert row["difference"] == pytest.approx(first - second)


def test_selectors_of_other_trials_are_compared_with_chance_alone():
    found = differences(judged("all", VALUE), judged("part", VALUE[:4], VALUE[:4], NAMES[:4]))
    assert set(found) == {("all", RANDOM), ("part", RANDOM)}
    assert [row["pool_size"] for row in found.values()] == [6, 4]


def test_pools_in_which_one_of_two_chooses_nothing_are_left_out():
    some = np.array([np.nan, np.nan, 1.0, np.nan, np.nan, np.nan])
    row = differences(judged("truth", VALUE), judged("seldom", some))["truth", "seldom"]
    assert (row["difference"], row["low"], row["high"]) == (0, 0, 0)
