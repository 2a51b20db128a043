import json
import re
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness import FactorGrid, Metric, Outcome, Result, Score, TableEvaluation, UserError
from harness.registry import Entry
from harness.results.folder import ResultsFolder
from harness.scoring.score import json_data, score_evaluation
from harness.suite.resolve import resolve_choice
from harness.suite.trial import Choice, score_key


@pytest.fixture
def evaluation():
    grid = FactorGrid(["row", "column"], [8, 8])
    return TableEvaluation(np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32), grid)


def test_every_metric_gets_a_record_whatever_happens_to_the_others(evaluation, registry):
    choices = [resolve_choice(registry, "metrics", name, {}, "") for name in ("broken", "error", "nan", "spread")]
    records = {record.metric: record for record in score_evaluation(evaluation, choices, registry)}
    assert records["spread"].status == "ok"
    assert records["spread"].score == pytest.approx(1.0, abs=0.2)
    assert (records["error"].status, records["error"].reason) == ("not-applicable", "the model does not reconstruct")
    assert (records["broken"].status, records["broken"].reason) == ("failed", "RuntimeError: broken on purpose")
    assert "toy.py" in records["broken"].traceback
    assert (records["nan"].status, records["nan"].score) == ("failed", None)
    json.dumps(records["spread"].details)


def test_a_score_is_named_by_metric_settings_version_and_seed():
    keys = {
        score_key(Choice("mig", {}, "1"), 0),
        score_key(Choice("dci", {}, "1"), 0),
        score_key(Choice("mig", {"bins": 5}, "1"), 0),
        score_key(Choice("mig", {}, "2"), 0),
        score_key(Choice("mig", {}, "1"), 1),
    }
    assert len(keys) == 5


def test_details_become_plain_data():
    details = {"a": np.arange(3), 1: (np.float32(0.5), float("nan")), "b": {"c": np.bool_(True)}}
    assert json_data(details) == {"a": [0, 1, 2], "1": [0.5, None], "b": {"c": True}}


def test_random_choices_depend_on_purpose_and_seed_only(evaluation):
    other = TableEvaluation(evaluation.table * 2, evaluation.factors)
    assert np.array_equal(evaluation.sample("train", 50), other.sample("train", 50))
    assert not np.array_equal(evaluation.sample("train", 50), evaluation.sample("test", 50))
    reseeded = TableEvaluation(evaluation.table, evaluation.factors, seed=1)
    assert not np.array_equal(evaluation.sample("train", 50), reseeded.sample("train", 50))


def test_a_fixed_sample_replaces_a_random_one(evaluation):
    fixed = TableEvaluation(evaluation.table, evaluation.factors, fixed={"train_index": np.array([5, 6])})
    assert fixed.sample("train", 50).tolist() == [5, 6]
    assert len(fixed.sample("test", 50)) == 50


def test_a_table_with_codes_out_of_range_is_refused(evaluation):
    table = evaluation.table.copy()
    table[[3, 5, 6], 2] = np.nan, np.inf, -1e20
    with pytest.raises(UserError, match=r"the table of codes: 3 of 64 rows hold .* in columns \[2\]"):
        TableEvaluation(table, evaluation.factors)


class Unmade(Metric):
    """Cannot even be made."""

    def __init__(self, config):
        raise MemoryError("no room")


class Unending(dict):
    """Holds itself."""

    def __init__(self):
        super().__init__()
        self["again"] = self


class WordlessError(Exception):
    """Cannot be told."""

    def __str__(self):
        raise RuntimeError


def raising(error):
    def score(self, evaluation):
        raise error

    return type("Raising", (Metric,), {"__doc__": "Raises.", "score": score})


def returning(result):
    return type("Returning", (Metric,), {"__doc__": "Returns.", "score": lambda self, evaluation: result})


def within(lowest, highest, value):
    return type("Within", (returning(Score(value)),), {"range": (lowest, highest)})


WRONG = {
    "none": (returning(None), "a metric returns a Score, not NoneType"),
    "a float": (returning(0.5), "a metric returns a Score, not float"),
    "a score of none": (returning(Score(None)), "the value of a Score is a number, not NoneType"),
    "a score of text": (returning(Score("0.5")), "the value of a Score is a number, not str"),
    "a complex score": (returning(Score(1j)), "the value of a Score is a number, not complex"),
    "a truth value": (returning(Score(True)), "the value of a Score is a number, not bool"),
    "a tensor": (returning(Score(torch.ones(1))), "the value of a Score is a number, not Tensor"),
    "a number beyond all floats": (returning(Score(10**400)), "OverflowError"),
    "an infinite score": (returning(Score(float("inf"))), "the score is inf"),
    "details as a list": (returning(Score(1.0, [1])), "the details of a Score are a mapping .*, not list"),
    "a tensor among details": (
        returning(Score(1.0, {"a": torch.ones(2)})),
        "detail 'a' is no plain data: .*Tensor",
    ),
    "a set among details": (returning(Score(1.0, {"b": {"c": {1}}})), "the detail 'b' is no plain data: .*set"),
    "a number of more than 64 bits": (
        returning(Score(1.0, {"a": [2**63]})),
        "the detail 'a' is no plain data: a number has more than 64 bits",
    ),
    "details that are too deep": (
        returning(Score(1.0, {"a": json.loads("[" * 150 + "]" * 150)})),
        "the detail 'a' is no plain data: lists and tables stand too deep",
    ),
    "details without end": (returning(Score(1.0, Unending())), "RecursionError"),
    "no room to be made": (Unmade, "MemoryError: no room"),
    "no room": (raising(MemoryError()), "MemoryError"),
    "an end of the process": (raising(SystemExit(0)), "SystemExit: 0"),
    "no error at all": (raising(GeneratorExit("of a kind of its own")), "GeneratorExit: of a kind of its own"),
    "an error without words": (raising(WordlessError()), "WordlessError"),
    "a score above the range": (
        within(0, 1, 50.0),
        "is 50, which is outside of the metric's range from 0 to 1",
    ),
    "a score below the range": (within(0, 1, -0.1), "the score is -0.1, which is outside"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_metric_fails_alone(evaluation, registry, wrong):
    metric_class, reason = WRONG[wrong]
    registry = with_metrics(registry, wrong=metric_class)
    choices = [Choice("wrong"), Choice("spread")]
    failed, good = score_evaluation(evaluation, choices, registry)
    assert failed.status == "failed"
    assert re.search(reason, failed.reason)
    assert failed.score is None
    assert good.status == "ok"
    result = Result("trial", Outcome.FINISHED, scores=(failed, good))
    assert Result.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False))) == result


def test_ctrl_c_ends_scoring_where_it_is_heard(evaluation, registry, monkeypatch):
    registry = with_metrics(registry, wrong=raising(KeyboardInterrupt()))
    # These tests may have been started where Ctrl-C is ignored, as in a script's background.
    monkeypatch.setattr("signal.getsignal", lambda number: signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        score_evaluation(evaluation, [Choice("wrong")], registry)
    monkeypatch.setattr("signal.getsignal", lambda number: signal.SIG_IGN)  # As in a worker.
    (record,) = score_evaluation(evaluation, [Choice("wrong")], registry)
    assert (record.status, record.reason) == ("failed", "KeyboardInterrupt")


@pytest.mark.parametrize("depth", range(88, 100))
def test_details_of_any_depth_are_refused_or_read_as_they_were_written(evaluation, registry, tmp_path, depth):
    details = {"a": json.loads("[" * depth + "]" * depth)}
    (record,) = score_evaluation(
        evaluation, [Choice("deep")], with_metrics(registry, deep=returning(Score(1.0, details)))
    )
    folder = ResultsFolder(tmp_path).trial("0" * 12)
    folder.write_result(Result("0" * 12, Outcome.FINISHED, scores=(record,)))
    assert folder.result.scores == (record,)
    assert record.details == (details if record.status == "ok" else {})


@pytest.mark.parametrize("value", [0, 1, np.float32(0.25), np.array(0.5), 1 + 1e-9, -1e-9])
def test_a_real_number_within_the_range_is_a_score(evaluation, registry, value):
    registry = with_metrics(registry, right=within(0, 1, value))
    (record,) = score_evaluation(evaluation, [Choice("right")], registry)
    assert (record.status, record.score) == ("ok", float(value))
    assert type(record.score) is float


def test_a_metric_that_draws_from_a_global_generator_repeats(evaluation, registry):
    class Sampled(Metric):
        def score(self, evaluation):
            return Score(float(np.random.rand()))

    registry = with_metrics(registry, sampled=Sampled)
    one, other = (score_evaluation(evaluation, [Choice("sampled")], registry)[0].score for _ in range(2))
    assert one == other


def with_metrics(registry, **metrics):
    """The registry with more metrics."""
    plugin = registry.entries["metrics"]["spread"].plugin
    more = {name: Entry("metrics", name, metric_class, "", plugin) for name, metric_class in metrics.items()}
    return replace(registry, entries={**registry.entries, "metrics": {**registry.entries["metrics"], **more}})
