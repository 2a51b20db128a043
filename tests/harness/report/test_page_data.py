"""What a page knows is what the results folder holds."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.page_data import distinct_labels, gather, learning_curves
from harness.results.parquet import write_table
from harness.results.result import Outcome, Result
from harness.results.status import StudyStatus
from harness.suite.trial import score_key
from harness.summary.leaderboard import leaderboard, score_table
from harness.summary.rounding import short

NAMES = ["corner", "shade", "size", "x", "y"]


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_short_numbers_are_within_a_part_in_two_thousand(value):
    assert abs(short(value) - value) <= abs(value) / 2000


def test_numbers_that_json_does_not_have_are_missing():
    assert [short(value) for value in (float("nan"), float("inf"), None, "text")] == [None] * 4


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(0, 2)), unique=True, max_size=8))
def test_labels_tell_everything_apart_and_name_no_shared_setting(choices):
    labels = distinct_labels([(name, json.dumps({"p": p, "q": q, "same": 1})) for name, p, q in choices])
    assert len(set(labels)) == len(choices)
    assert not any("same" in label for label in labels)
    for (name, _, _), label in zip(choices, labels, strict=True):
        assert label.split()[0] == name
        if sum(other == name for other, _, _ in choices) == 1:
            assert label == name


def test_scores_settings_and_leaderboard_are_those_of_the_folder(synthetic):
    folder = synthetic(settings=3, seeds=2)
    pages = gather([folder], [NAMES])
    assert [metric["label"] for metric in pages.metrics] == ["spread", "gap protocol=a", "gap protocol=b", "error"]
    assert [metric["higher"] for metric in pages.metrics] == [True, True, True, False]
    assert [setting["title"] for setting in pages.settings] == [
        "linear noise=0.0", "other noise=0.1", "linear noise=0.2"
    ]  # fmt: skip
    scores = score_table(StudyStatus.read(folder.suite, folder))
    for trial, facts in zip(folder.suite.trials, pages.trials, strict=True):
        own = scores[scores["trial"] == trial.id]["score"]
        assert facts["scores"] == pytest.approx(list(own), rel=1e-3)
        assert (facts["id"], facts["seed"], facts["outcome"]) == (trial.id, trial.seed, "finished")
        assert pages.settings[facts["setting"]]["hyperparameters"] == trial.model.config
    board = leaderboard(scores, folder.suite)
    assert len(pages.board) == len(board) == 12
    for (setting, metric, n, failed, mean, _, low, high, status, _, best), (_, row) in zip(
        pages.board, board.iterrows(), strict=True
    ):
        assert (pages.settings[setting]["model"], pages.metrics[metric]["name"]) == (row["model"], row["metric"])
        assert (n, failed, status, best) == (2, 0, "ok", row["best"])
        assert (mean, low, high) == pytest.approx((row["mean"], row["ci_low"], row["ci_high"]), rel=1e-3)


def test_failed_and_missing_trials_are_told_apart(synthetic):
    folder = synthetic(settings=3, seeds=1)
    failed, missing, half = folder.suite.trials
    folder.trial(failed.id).write_result(
        Result(failed.id, Outcome.DIVERGED, reason="the loss is 1e12", traceback="Traceback: here", scores=())
    )
    folder.trial(missing.id).result_file.unlink()
    whole = folder.trial(half.id).result
    metric = folder.suite.metrics[0]
    broken = [
        replace(score, status="failed", score=None, reason="broke", traceback="Traceback: there")
        if score.key == score_key(metric, 0)
        else score
        for score in whole.scores
    ]
    folder.trial(half.id).write_result(replace(whole, scores=tuple(broken)))
    pages = gather([folder], [NAMES])
    assert [trial["outcome"] for trial in pages.trials] == ["diverged", "pending", "finished"]
    assert pages.trials[0]["failures"] == ["diverged: the loss is 1e12"]
    assert pages.trials[0]["scores"] == [None] * 4
    assert pages.details[0]["traceback"] == "Traceback: here"
    assert pages.trials[1]["failures"] == []
    assert pages.details[1]["provenance"] is None
    assert pages.trials[2]["failures"] == ["spread: broke"]
    assert pages.details[2]["missing"] == {0: "failed: broke"}
    assert "Traceback: there" in pages.details[2]["traceback"]
    assert pages.studies[0]["outcomes"] == {"diverged": 1, "pending": 1, "finished": 1}


def test_matrices_and_numbers_are_kept_from_the_details(synthetic):
    pages = gather([synthetic(settings=1, seeds=1)], [NAMES])
    details = pages.details[0]
    assert details["numbers"] == {metric: {"train_accuracy": 0.5} for metric in range(4)}
    assert [(matrix["metric"], matrix["name"]) for matrix in details["matrices"]] == [
        (metric, "mutual_information") for metric in range(4)
    ]
    assert {(len(matrix["values"]), len(matrix["values"][0])) for matrix in details["matrices"]} == {(10, 5)}
    assert details["matrices"][0]["rows"] == list(range(10))


@given(points=st.integers(2, 40))
def test_curves_keep_their_ends_and_no_more_points_than_asked(synthetic_curve, points):
    folder, steps = synthetic_curve
    curve = learning_curves(folder, points)
    assert len(curve["step"]) == min(points, steps)
    assert (curve["step"][0], curve["step"][-1]) == (1, steps)
    assert curve["terms"]["game/real"] == [short(1 / step) for step in curve["step"]]
    assert "seconds" not in curve["terms"]


@pytest.fixture(scope="module")
def synthetic_curve(tmp_path_factory):
    from harness.results.trial_folder import TrialFolder
    from harness.training.history import History

    folder = TrialFolder(tmp_path_factory.mktemp("curve"))
    history = History(30, 64)
    for step in range(1, 31):
        history.record(step, {"game/real": 1 / step})
    history.save(folder.history)
    return folder, 30


def test_a_trial_without_a_history_has_no_curves(synthetic):
    folder = synthetic(settings=1, seeds=1)
    folder.trial(folder.suite.trials[0].id).history.unlink()
    assert gather([folder], [NAMES]).details[0]["curves"] == {}


def test_several_studies_share_metrics_and_keep_their_trials_apart(synthetic):
    first, second = synthetic(name="first"), synthetic(name="second", settings=2, title="Second")
    pages = gather([first, second], [NAMES, []])
    assert [study["title"] for study in pages.studies] == ["Made up", "Second"]
    assert len(pages.metrics) == 4
    assert len(pages.trials) == 10
    assert [setting["study"] for setting in pages.settings] == [0, 0, 0, 1, 1]
    assert pages.datasets == ["bars"]
    assert pages.studies[1]["factors"] == []


def test_selections_are_read_from_their_table(synthetic):
    import pandas as pd

    from harness.results.schema import SELECTIONS

    folder = synthetic(settings=2, seeds=2)
    chosen = folder.suite.trials[2]
    row = {column.name: {"double": 0.25, "int64": 4, "string": ""}[column.type] for column in SELECTIONS}
    row |= {"suite": "made-up", "dataset": "bars", "pool": "all", "selector": "alike", "selector_settings": "{}"}
    row |= {"metric": "gap", "metric_settings": '{"protocol": "b"}', "trial": chosen.id, "chosen": chosen.title}
    row |= {"status": "ok", "reason": ""}
    others = [{**row, "metric": "gone"}, {**row, "status": "not-applicable", "reason": "of several kinds"}]
    write_table(folder.table("selections"), "selections", pd.DataFrame([row, *others]))
    (found,) = gather([folder], [NAMES]).selections
    assert (found["metric"], found["trial"], found["selector"], found["pool"]) == (2, 2, "alike", "all")
    assert (found["regret"], found["pool_size"]) == (0.25, 4)


def test_a_failed_trial_names_its_outcome_once_beside_its_missing_scores(synthetic):
    folder = synthetic(settings=1, seeds=1)
    trial = folder.suite.trials[0]
    folder.trial(trial.id).write_result(Result(trial.id, Outcome.FAILED, reason="on purpose"))
    details = gather([folder], [NAMES]).details[0]
    assert set(details["missing"].values()) == {"failed: on purpose"}
    assert details["provenance"] is None
