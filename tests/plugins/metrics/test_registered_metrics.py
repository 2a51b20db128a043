"""What holds for every metric of the plugin."""

import json
import math

import numpy as np
import pytest

import harness_metrics
from harness.config import describe

FOUND = {}
harness_metrics.harness_register_metrics(lambda name, target, summary: FOUND.update({name: target}))


@pytest.fixture(params=FOUND)
def metric_class(request, registry):
    return registry.find("metrics", request.param).load()


def test_says_what_it_is_and_where_it_is_from(metric_class):
    assert metric_class.__doc__
    assert "arXiv" in metric_class.source or "20" in metric_class.source
    assert all(setting["meaning"] for setting in describe(metric_class.Config))


def test_scores_an_awkward_table_with_plain_finite_numbers(metric_class, make):
    """A dead, a repeated, a noisy and a tiny code; two factors, and one with a single level."""
    table = make(
        (3, 1, 4),
        lambda ids, rng: np.column_stack(
            [0 * ids[:, 0], ids[:, 0], ids[:, 0], rng.normal(size=len(ids)), ids[:, 2] / 1e5]
        ),
    )
    metric = metric_class(metric_class.Config())
    if table.lacks(metric.needs):
        pytest.skip("it scores models, not codes")
    score = metric.score(table)
    assert isinstance(score.value, float)
    assert math.isfinite(score.value)
    json.dumps(dict(score.details), allow_nan=False)
    assert metric.score(table) == score
