"""Comparisons of settings and of results folders, from tables of scores."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.errors import UserError
from harness.results.schema import COMPARISONS, SCORES
from harness.summary import aggregate, statistics
from harness.summary.aggregate import Ranks, interquartile_means, mean_ranks, performance_profile
from harness.summary.comparison import compare_folders, compare_settings, setting_names, with_settings


def rows(model, scores, *, metric="mig", dataset="bars", swept=None, higher=True, first_seed=0, training="{}"):
    """Rows of `scores.parquet`; a score of None has failed."""
    blank = dict.fromkeys((column.name for column in SCORES), "")
    swept = json.dumps(swept or {})
    return [
        {
            **blank,
            "suite": "made-up", "dataset": dataset, "model": model, "hyperparameters": swept, "swept": swept,
            "training": training, "seed": first_seed + number, "metric": metric, "metric_settings": "{}",
            "status": "failed" if score is None else "ok", "reason": "it raised" if score is None else "",
            "score": score, "higher_is_better": higher,
        }
        for number, score in enumerate(scores)
    ]  # fmt: skip


def table(*parts):
    return pd.DataFrame([row for part in parts for row in part])


def only(comparisons):
    (row,) = comparisons.to_dict("records")
    return row


def test_scores_of_one_seed_are_compared_with_each_other():
    base = [0.1, 0.9, 0.4, 0.6, 0.2, 0.7]
    better = [score + 0.03 + 0.001 * number for number, score in enumerate(base)]
    row = only(compare_settings(table(rows("a", better), rows("b", base)), "b"))
    assert (row["setting"], row["baseline"], row["paired"], row["n"], row["wins"]) == ("a", "b", True, 6, 6)
    assert row["difference"] == pytest.approx(0.0325)
    assert 0.03 < row["low"] < row["high"] < 0.035
    assert row["p"] == row["p_holm"] == 2 / 64
    assert row["sentence"] == "better in 6 of 6 seeds; +0.0325 (+0.0305 to +0.0345); better"


def test_a_pair_that_lacks_a_score_is_dropped_and_named():
    row = only(compare_settings(table(rows("a", [1.0, None, 3.0, 4.0]), rows("b", [0.0, 0.0, 1.0, None])), "b"))
    assert (row["n"], row["failed"], row["baseline_failed"], row["dropped"]) == (2, 1, 1, "[1, 3]")
    assert row["sentence"].endswith("without scores: 1 here, 1 of the baseline")


def test_without_shared_seeds_the_comparison_is_unpaired_and_says_so():
    scores = table(rows("a", [1.0, 2.0, 3.0]), rows("b", [0.0, 0.5, 0.7], first_seed=10))
    row = only(compare_settings(scores, "b"))
    assert not row["paired"]
    assert row["sentence"].startswith("unpaired, 3 seeds against 3 others")
    assert row["sentence"].endswith("too few seeds to tell: no difference of so few has a p below 0.1")


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ([0.5], "equal in 1 seed; one seed tells nothing"),
        ([0.5, 0.25, 0.125], "equal in all 3 seeds"),
        ([0.5, None, 0.125], "equal in all 2 seeds; without scores: 1 here, 1 of the baseline"),
    ],
)
def test_settings_with_equal_scores_are_said_to_be_equal(scores, sentence):
    assert only(compare_settings(table(rows("a", scores), rows("b", scores)), "b"))["sentence"] == sentence


def test_one_seed_is_a_seed():
    alone = only(compare_settings(table(rows("a", [1.0]), rows("b", [0.5])), "b"))
    assert alone["sentence"] == "better in 1 of 1 seed; +0.5; one seed tells nothing"
    others = only(compare_settings(table(rows("a", [1.0]), rows("b", [0.5], first_seed=3)), "b"))
    assert others["sentence"].startswith("unpaired, 1 seed against 1 other;")


def test_a_setting_that_failed_throughout_has_nothing_to_compare():
    row = only(compare_settings(table(rows("a", [None, None]), rows("b", [0.0, 1.0])), "b"))
    assert (row["status"], row["reason"]) == ("no-scores", "it raised")
    assert row["sentence"] == "nothing to compare: it raised"
    assert np.isnan(row["p_holm"])


def test_p_values_are_corrected_for_every_comparison_of_the_table():
    base = [0.1, 0.9, 0.4, 0.6, 0.2, 0.7]
    up = [score + 0.1 + 0.01 * number for number, score in enumerate(base)]
    found = compare_settings(table(rows("a", up), rows("b", base), rows("c", up[::-1])), "b")
    assert found["family"].tolist() == [2, 2]
    assert found["p_holm"].tolist() == pytest.approx([2 * found["p"][0], found["p"][1]])
    assert "too few seeds to tell: 2 comparisons need 7 at least" in found["sentence"][0]


def test_where_smaller_is_better_smaller_wins():
    small, large = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.3, 0.3, 0.5, 0.6, 0.6, 0.9]
    row = only(compare_settings(table(rows("a", small, higher=False), rows("b", large, higher=False)), "b"))
    assert row["wins"] == 6
    assert row["sentence"].endswith("better")


def test_a_setting_is_named_by_its_beginning_and_a_wrong_name_is_told():
    scores = table(rows("a", [1.0], swept={"beta": 1.0}), rows("a", [1.0], swept={"beta": 4.0}), rows("b", [0.0]))
    assert setting_names(with_settings(scores)) == ["a beta=1.0", "a beta=4.0", "b"]
    assert only(compare_settings(scores, "a beta=4", ["b"]))["baseline"] == "a beta=4.0"
    with pytest.raises(UserError, match=r"'a' may be any of: a beta=1\.0, a beta=4\.0"):
        compare_settings(scores, "a")
    with pytest.raises(UserError, match=r"there is no setting 'c'; choose from"):
        compare_settings(scores, "c")


def test_settings_that_read_alike_are_numbered():
    scores = table(rows("a", [1.0], training='{"steps": 1}'), rows("a", [1.0], training='{"steps": 2}'))
    assert setting_names(with_settings(scores)) == ["a", "a (2)"]


def test_two_folders_are_compared_setting_by_setting():
    now, before = table(rows("a", [1.0, 2.0]), rows("b", [0.0, 1.0])), table(rows("a", [1.0, 1.5]))
    row = only(compare_folders(now, before, ("now", "before")))
    assert (row["setting"], row["baseline"], row["difference"]) == ("a, now", "a, before", 0.25)
    with pytest.raises(UserError, match="now and before share no setting"):
        compare_folders(now, table(rows("c", [1.0])), ("now", "before"))


def test_the_table_has_the_declared_columns_and_the_same_numbers_every_time():
    scores = table(rows("a", [1.0, 2.0, 4.0]), rows("b", [0.0, 1.0, 2.5]))
    first, again = compare_settings(scores, "b"), compare_settings(scores, "b")
    assert first.columns.tolist() == [column.name for column in COMPARISONS]
    pd.testing.assert_frame_equal(first, again)


def test_mean_ranks_by_hand():
    parts = [
        rows(model, [value], metric=metric, dataset=dataset, higher=metric == "mig")
        for metric in ("mig", "error")
        for dataset in ("bars", "digits")
        for model, value in zip("abc", [3.0, 2.0, 1.0], strict=True)
    ]
    ranks = mean_ranks(table(*parts))
    assert ranks.tasks == 4
    assert ranks.mean.to_dict() == {"a": 2.0, "b": 2.0, "c": 2.0}  # The best by mig is the worst by error.
    # Nemenyi's critical difference for three settings and four tasks: 2.343 * sqrt(3 * 4 / (6 * 4)); Demšar, table 5.
    assert ranks.critical_difference == pytest.approx(2.343 * np.sqrt(0.5), abs=2e-3)


def test_ranks_leave_out_a_setting_that_lacks_a_score_in_some_task():
    scores = table(rows("a", [1.0]), rows("b", [2.0]), rows("b", [2.0], metric="sap"))
    assert mean_ranks(scores).mean.to_dict() == {"b": 1.0}
    with pytest.raises(UserError, match="no setting has a score by every metric"):
        mean_ranks(table(rows("a", [1.0]), rows("b", [2.0], metric="sap")))


@pytest.mark.parametrize(
    ("means", "alike"),
    [([1.0, 1.5, 2.4, 4.0], [(1.0, 1.5), (1.5, 2.4)]), ([3.0, 1.0], []), ([1.0, 2.0, 1.5], [(1.0, 2.0)])],
)
def test_ranks_are_alike_up_to_the_critical_difference(means, alike):
    names = list("abcd")[: len(means)]
    assert Ranks(pd.Series(means, names), 4, 0.1, 1.0, pd.Series(0, names)).alike == alike
    assert Ranks(pd.Series(means, names), 4, None, None, pd.Series(0, names)).alike == []


def test_what_failed_is_counted_beside_ranks_and_interquartile_means_and_reaches_no_threshold():
    scores = table(rows("a", [1.0, None, None, 0.5]), rows("b", [0.5, 0.25]))
    assert mean_ranks(scores).failed.to_dict() == {"a": 2, "b": 0}
    found = interquartile_means(scores, "mig").set_index("setting")
    assert found["runs"].to_dict() == {"a": 2, "b": 2}
    assert found["failed"].to_dict() == {"a": 2, "b": 0}
    profile = performance_profile(scores, "mig")["a"]
    assert profile.iloc[[0, 33, 34, 100]].tolist() == [0.5, 0.5, 0.25, 0.25]


def test_protocols_of_a_metric_are_not_mixed():
    svm, lasso = (rows("a", [value]) for value in (0.25, 0.75))
    for part, protocol in ((svm, "svm"), (lasso, "lasso")):
        part[0]["metric_settings"] = json.dumps({"protocol": protocol})
    scores = table(svm, lasso)
    assert only(interquartile_means(scores, "mig protocol=lasso"))["iqm"] == 0.75
    with pytest.raises(UserError, match="the metric 'mig'; did you mean 'mig protocol=svm' or"):
        performance_profile(scores, "mig")


def test_interquartile_means_by_hand():
    scores = table(rows("a", [0.0, 1.0, 2.0, 100.0]), rows("a", [0.0, 1.0, 2.0, 100.0], dataset="digits"))
    row = only(interquartile_means(scores, "mig"))
    assert (row["runs"], row["datasets"], row["iqm"]) == (8, 2, 1.5)
    # Yuen's standard error: the outer scores become 1 and 2, so each dataset varies by 1 / 3 and has four scores.
    _, error = aggregate._interquartile_mean([np.array([0.0, 1.0, 2.0, 100.0])] * 2)
    assert error == pytest.approx(np.sqrt(2 * 4 / 3) / 4)
    # Equal scores set no bound.
    assert np.isnan(row["low"])
    scores = table(rows("a", [0.0, 1.0, 2.0, 5.0, 6.0]), rows("a", [1.5, 2.5, 3.5, 4.5, 9.0], dataset="digits"))
    row = only(interquartile_means(scores, "mig"))
    assert 0 < row["low"] < row["iqm"] < row["high"] < 9
    with pytest.raises(UserError, match="no trial has a score by the metric 'sap'"):
        interquartile_means(scores, "sap")


@pytest.mark.slow
@pytest.mark.parametrize("draw", ["normal", "exponential"])
@pytest.mark.parametrize(("datasets", "runs"), [(1, 10), (1, 30), (3, 5), (3, 10), (8, 5)])
def test_intervals_of_interquartile_means_cover_the_truth(draw, datasets, runs, monkeypatch):
    """Of 95 % intervals, over datasets whose scores lie apart; the truth is that of 600,000 scores."""
    monkeypatch.setattr(statistics, "RESAMPLES", 999)
    numbers, studies = np.random.default_rng(datasets), 600
    apart = np.linspace(0, 3, datasets)[:, None]
    many = getattr(numbers, draw)(size=(datasets, 600_000 // datasets)) + apart
    truth = stats.trim_mean(many.ravel(), 0.25)
    covered = 0
    for _ in range(studies):
        strata = list(getattr(numbers, draw)(size=(datasets, runs)) + apart)
        low, high = statistics.bootstrap_t(strata, aggregate._interquartile_mean, numbers)
        covered += low <= truth <= high
    error = 3 * np.sqrt(0.05 * 0.95 / studies)
    assert 0.93 - error <= covered / studies <= 0.97 + error


def test_a_profile_falls_from_all_runs_to_the_best_one():
    profile = performance_profile(table(rows("a", [0.0, 0.5, 1.0]), rows("b", [0.2, 0.2, 0.4])), "mig")
    assert all((profile[setting].diff()[1:] <= 0).all() for setting in "ab")
    profile = profile.iloc[[0, 50, 100]]
    assert profile["threshold"].tolist() == [0, 0.5, 1]
    assert profile["a"].tolist() == pytest.approx([1, 2 / 3, 1 / 3])
    assert profile["b"].tolist() == [1, 0, 0]


def test_where_smaller_is_better_a_profile_counts_runs_below_the_threshold():
    profile = performance_profile(table(rows("a", [0.0, 0.5, 1.0], higher=False)), "mig").iloc[[0, 50, 100]]
    assert profile["threshold"].tolist() == [1, 0.5, 0]
    assert profile["a"].tolist() == pytest.approx([1, 2 / 3, 1 / 3])
