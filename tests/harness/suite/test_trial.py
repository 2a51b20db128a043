"""Records of trials are read back as they were written, and refused where something in them is not what it must be."""

import json
from dataclasses import asdict, replace

import pytest

from harness.results.result import Outcome, Result, ScoreRecord
from harness.suite.schema import Training
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial

RECORD = ScoreRecord("key", "mig", {"bins": 20}, "1.0", True, "ok", 0.5, {"gaps": [0.1]}, seconds=1.5)
TRIAL = Trial(
    Choice("bars"), Choice("linear", {"size": 3}, "1.0"), Training(steps=5, batch_size=2), 7, "l", {"size": 3}
)
RESULT = Result(TRIAL.id, Outcome.FINISHED, seconds=2.0, scores=(RECORD,), provenance={"torch": "2"})
SUITE = Suite("Bars", "bars", (TRIAL, replace(TRIAL, seed=8)), (Choice("mig"),), (), 3)


@pytest.mark.parametrize("record", [TRIAL, RESULT, SUITE], ids=lambda record: type(record).__name__)
def test_a_record_is_read_as_it_was_written(record):
    found = type(record).from_json(json.loads(json.dumps(record.to_json())))
    assert found == record
    assert getattr(found, "id", "") == getattr(record, "id", "")


@pytest.mark.parametrize(
    ("record", "change"),
    [
        (TRIAL, {"seed": "seven"}),
        (TRIAL, {"training": {"steps": 5}}),
        (TRIAL, {"training": {**TRIAL.training.values(), "steps": "5"}}),
        (TRIAL, {"training": {**TRIAL.training.values(), "stps": 5}}),
        (TRIAL, {"model": {"config": {}}}),
        (TRIAL, {"dataset": 3}),
        (RESULT, {"outcome": "splendid"}),
        (RESULT, {"scores": 3}),
        (RESULT, {"scores": [3]}),
        (RESULT, {"scores": [{**asdict(RECORD), "score": None}]}),
        (RESULT, {"scores": [{**asdict(RECORD), "score": float("nan")}]}),
        (RESULT, {"scores": [{**asdict(RECORD), "status": "fine"}]}),
        (RESULT, {"scores": [{**asdict(RECORD), "details": []}]}),
        (RESULT, {"provenance": "here"}),
        (SUITE, {"trials": []}),
        (SUITE, {"metrics": [{"config": {}}]}),
        (SUITE, {"evaluation_seed": None}),
    ],
)
def test_what_is_missing_or_of_another_type_is_refused(record, change):
    data = {**record.to_json(), **change}
    with pytest.raises((KeyError, TypeError, ValueError)):
        type(record).from_json(data)
