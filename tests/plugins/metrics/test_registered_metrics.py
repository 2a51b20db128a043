"""What holds for every metric of the plugin."""

import json

import numpy as np
import pytest

import harness_metrics
from harness import NotApplicableError, TableEvaluation
from harness.config import describe
from harness.scoring.score import outside

FOUND = {}
harness_metrics.harness_register_metrics(lambda name, target, summary: FOUND.update({name: target}))
ONLY_CODES = (
    "dhsic",
    "total-correlation",
    "wasserstein-correlation",
    "wasserstein-correlation-norm",
    "mutual-info-score",
)
WITH_FACTORS = (
    "factorvae",
    "betavae",
    "mig",
    "dci",
    "dci-lasso",
    "dci-lassocv",
    "dci-forest",
    "sap",
    "sap-discrete",
    "modularity",
    "compactness",
    "mig-sup",
    "dcimig",
    "jemmig",
    "med",
    "infom",
    "infoe",
    "infoc",
    "dci-explicitness",
    "dci-size",
    "explicitness",
    "irs",
    "downstream-accuracy",
)
SMALL = {
    "factorvae": {"train_votes": 100, "eval_votes": 50},
    "betavae": {"train_examples": 200, "eval_examples": 100},
    "downstream-accuracy": {"sizes": (1, 4, 20)},
    "dci-explicitness": {"trees": 3},
}
"""Settings that make a metric quick."""


@pytest.fixture(params=FOUND)
def metric_class(request, registry):
    return registry.find("metrics", request.param).load()


@pytest.fixture(params=[*ONLY_CODES, *WITH_FACTORS])
def metrics(request, registry):
    """A metric on codes in each of its protocols."""
    metric_class = registry.find("metrics", request.param).load()
    config = SMALL.get(request.param, {})
    protocols = [{}, {"protocol": "infogan-cr"}] if "protocol" in metric_class.Config.model_fields else [{}]
    return [metric_class(metric_class.Config(**config, **protocol)) for protocol in protocols]


def test_says_what_it_is_and_where_it_is_from(metric_class):
    assert metric_class.__doc__
    assert "arXiv" in metric_class.source or "20" in metric_class.source
    assert all(setting["meaning"] for setting in describe(metric_class.Config))


AWKWARD = {
    "a dead, a repeated, a noisy and a tiny code, a factor with one level": (
        (3, 1, 4),
        lambda ids, rng: np.column_stack(
            [0 * ids[:, 0], ids[:, 0], ids[:, 0], rng.normal(size=len(ids)), ids[:, 2] / 1e5]
        ),
    ),
    "dead codes only": ((3, 4), lambda ids, rng: 0 * ids + 3.3),
    "one dead code": ((3, 4), lambda ids, rng: 0 * ids[:, :1]),
    "one code": ((3, 4), lambda ids, rng: ids[:, :1]),
    "one factor": ((5,), lambda ids, rng: np.column_stack([ids, -ids])),
    "no factor with levels": ((1, 1), lambda ids, rng: ids),
    "two points": ((2,), lambda ids, rng: ids),
    "more codes than points": ((2, 2), lambda ids, rng: rng.normal(size=(4, 9))),
    "codes almost as small as there are numbers": ((3, 4), lambda ids, rng: ids * 1e-42),
    "codes almost as large as may be": ((3, 4), lambda ids, rng: ids * 3e14),
    "codes that hardly vary": ((3, 4), lambda ids, rng: 1 + 1e-7 * (ids > 0)),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_scores_awkward_codes_with_plain_finite_numbers_or_says_why_not(metrics, make, case):
    for metric in metrics:
        assert check(metric, make(*AWKWARD[case]))


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("sample", ["train", "test", "variance", "std", "group"])
def test_scores_few_fixed_points_with_plain_finite_numbers_or_says_why_not(metrics, make, sample, n):
    table = make((3, 4), lambda ids, rng: ids + 0.1 * rng.normal(size=ids.shape))
    some = np.arange(n) * 5 % 12
    fixed = {"group_index": some[None], "group_label": np.zeros(1, int)} if sample == "group" else {}
    for metric in metrics:
        assert check(metric, TableEvaluation(table.table, table.factors, fixed=fixed or {f"{sample}_index": some}))


def check(metric, table):
    """Warnings are errors, too."""
    try:
        score = metric.score(table)
    except NotApplicableError as error:
        return str(error)
    assert isinstance(score.value, float)
    assert not outside(score.value, metric.range)
    json.dumps(dict(score.details), allow_nan=False)
    return score


def test_the_same_codes_have_the_same_score(metrics, make):
    for metric in metrics:
        assert check(metric, make(*AWKWARD["more codes than points"])) == check(
            metric, make(*AWKWARD["more codes than points"])
        )


def test_metrics_without_factors_are_better_the_lower(registry):
    table = TableEvaluation(np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32), None)
    classes = {name: registry.find("metrics", name).load() for name in FOUND}
    applicable = {name: metric_class for name, metric_class in classes.items() if not table.lacks(metric_class.needs)}
    assert set(applicable) == set(ONLY_CODES)
    for metric_class in applicable.values():
        assert check(metric_class(metric_class.Config()), table)
        assert not metric_class.higher_is_better
    on_codes = {name for name, metric_class in classes.items() if set(metric_class.needs) <= {"encode", "factors"}}
    assert on_codes == {*ONLY_CODES, *WITH_FACTORS}
