import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result, ScoreRecord
from harness.results.status import StudyStatus
from harness.suite.suite import load_suite
from harness.suite.trial import score_key
from harness.summary.best import best_settings
from harness.summary.leaderboard import leaderboard, score_table, t_interval
from harness.summary.statistics import paired_p_values, unpaired_p_value

SUITE = """
seeds = 3
[dataset]
name = "bars"
[[models]]
name = "linear"
sweep.size = [2, 3]
[[models]]
name = "linear"
label = "noisy"
config.noise = 1.0
[evaluation]
metrics = ["spread", "error"]
"""


@pytest.fixture
def study(suite_file, registry, tmp_path):
    suite = load_suite(suite_file(SUITE), registry)
    return suite, ResultsFolder(tmp_path / "results")


def finish(suite, folder, trial, scores, outcome=Outcome.FINISHED, reason=""):
    """Record a result with the given score per metric; a text is the reason why there is none."""
    records = []
    for metric in suite.metrics:
        if metric.name not in scores:
            continue
        value = scores[metric.name]
        scored = isinstance(value, float)
        records.append(
            ScoreRecord(
                score_key(metric, suite.evaluation_seed),
                metric.name,
                {},
                "1",
                higher_is_better=metric.name != "error",
                status="ok" if scored else "not-applicable",
                score=value if scored else None,
                reason="" if scored else value,
            )
        )
    folder.trial(trial.id).write_result(Result(trial.id, outcome, reason, scores=tuple(records)))


def board_of(suite, folder):
    board = leaderboard(score_table(StudyStatus.read(suite, folder)), suite)
    return board.assign(key=board["model"] + board["swept"]).set_index(["key", "metric"])


def test_mean_deviation_interval_and_rank(study):
    suite, folder = study
    values = {2: [0.1, 0.2, 0.6], 3: [0.5, 0.7, 0.9]}
    for trial in suite.trials:
        score = values[trial.model.config["size"]][trial.seed] if trial.label == "linear" else 0.3
        finish(suite, folder, trial, {"spread": score, "error": score})
    board = board_of(suite, folder)
    row = board.loc['linear{"size": 2}', "spread"]
    assert row["n"] == 3
    assert row["mean"] == pytest.approx(0.3)
    assert row["std"] == pytest.approx(np.std(values[2], ddof=1))
    expected = stats.t.interval(0.95, 2, loc=0.3, scale=stats.sem(values[2]))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected)
    assert board.xs("spread", level="metric")["rank"].tolist() == [2, 1, 2]
    # The smaller error is the better one.
    assert board.xs("error", level="metric")["rank"].tolist() == [1, 3, 1]


def marked(board, metric):
    return board.xs(metric, level="metric")["best"].tolist()


def test_the_best_is_marked_with_all_that_cannot_be_told_from_it(study):
    """Both others are worse on average: one always by the same, the other on two of three seeds only."""
    suite, folder = study
    best = [0.5, 0.7, 0.9]
    values = {2: [0.4, 0.61, 0.79], 3: best, "noisy": [0.45, 0.95, 0.55]}
    for trial in suite.trials:
        score = values["noisy" if trial.label == "noisy" else trial.model.config["size"]][trial.seed]
        finish(suite, folder, trial, {"spread": score, "error": -score})
    board = board_of(suite, folder)
    assert stats.ttest_rel(values[2], best).pvalue * 2 < 0.05
    assert stats.ttest_rel(values["noisy"], best).pvalue > 0.05
    assert marked(board, "spread") == marked(board, "error") == [False, True, True]


def test_one_seed_marks_nothing(study):
    suite, folder = study
    for trial in suite.trials:
        if trial.seed == 0:
            finish(suite, folder, trial, {"spread": trial.model.config["size"] / 10, "error": 0.1})
    assert not board_of(suite, folder)["best"].any()


@given(
    st.lists(st.lists(st.floats(-3, 3), min_size=4, max_size=4), min_size=2, max_size=5),
    st.booleans(),
)
def test_what_is_marked_is_what_the_tests_say(table, higher):
    settings = [dict(enumerate(row)) for row in table]
    found = best_settings(settings, higher_is_better=higher)
    means = [np.mean(row) for row in table]
    best = int(np.argmax(means) if higher else np.argmin(means))
    assert found[best]
    assert found == best_settings(
        [{-seed: value for seed, value in row.items()} for row in settings], higher_is_better=higher
    )
    # Whatever a single test cannot tell, the corrected one cannot either.
    for place, p in enumerate(paired_p_values(table, table[best])):
        assert found[place] or p <= 0.05


def test_other_seeds_are_compared_without_pairs():
    rng = np.random.default_rng(0)
    good, bad, alike = (
        dict(enumerate(mean + 0.1 * rng.normal(size=8), start)) for mean, start in ((1, 0), (0, 10), (1, 20))
    )
    assert best_settings([good, bad, alike, {5: 0.2}, {}], higher_is_better=True) == [True, False, True, False, False]
    assert unpaired_p_value(list(good.values()), list(bad.values())) == pytest.approx(
        stats.ttest_ind(list(good.values()), list(bad.values()), equal_var=False).pvalue
    )


def test_a_model_that_cannot_be_scored_is_not_applicable_and_not_ranked(study):
    suite, folder = study
    for trial in suite.trials:
        finish(suite, folder, trial, {"spread": "no codes" if trial.label == "noisy" else 0.5, "error": 0.1})
    row = board_of(suite, folder).loc["noisy{}", "spread"]
    assert (row["status"], row["reason"], row["failed"]) == ("not-applicable", "no codes", 0)
    assert np.isnan(row["mean"])
    assert row.isna()["rank"]


def test_failed_and_missing_trials_are_counted_not_hidden(study):
    suite, folder = study
    first, second, third, *_ = suite.trials
    finish(suite, folder, first, {"spread": 0.5, "error": 0.5})
    finish(suite, folder, second, {}, Outcome.DIVERGED, "loss is nan")
    board = board_of(suite, folder)
    row = board.loc['linear{"size": 2}', "spread"]
    assert (row["n"], row["failed"], row["pending"], row["reason"]) == (1, 1, 1, "diverged: loss is nan")
    assert np.isnan(row["std"])
    assert board.loc['linear{"size": 3}', "spread"]["status"] == "missing"
    assert third.seed == 2


def test_order_of_rows_is_the_suites(study):
    suite, folder = study
    for trial in reversed(suite.trials):
        finish(suite, folder, trial, {"spread": 0.5, "error": 0.5})
    board = leaderboard(score_table(StudyStatus.read(suite, folder)), suite)
    assert board["model"].tolist() == ["linear"] * 4 + ["noisy"] * 2


def test_an_interval_needs_two_values():
    assert t_interval(np.array([1.0])) == (None, None)
    low, high = t_interval(np.array([1.0, 1.0]))
    assert low == high == 1.0
