import json

import numpy as np
import pytest

from harness import FactorGrid, TableEvaluation, UserError
from harness.scoring.score import plain, score
from harness.suite.resolve import resolve
from harness.suite.trial import Choice, score_key


@pytest.fixture
def evaluation():
    grid = FactorGrid(["row", "column"], [8, 8])
    return TableEvaluation(np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32), grid)


def test_every_metric_gets_a_record_whatever_happens_to_the_others(evaluation, registry):
    choices = [resolve(registry, "metrics", name, {}, "") for name in ("broken", "error", "nan", "spread")]
    records = {record.metric: record for record in score(evaluation, choices, registry)}
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
    assert plain(details) == {"a": [0, 1, 2], "1": [0.5, None], "b": {"c": True}}


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
