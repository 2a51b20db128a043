import numpy as np
import pytest

from harness import FactorGrid, Metric, NotApplicableError, Score, TableEvaluation, UserError
from harness.results.result import Outcome, Result
from harness.scoring.score import score_evaluation
from harness.selection.judge import ComparedPool, judge
from harness.selection.supervised import stored_comparisons, supervised
from harness.suite.build import build_selector
from harness.suite.resolve import resolve_choice
from harness.suite.trial import Choice, score_key

GRID = FactorGrid("ab", (3, 4))


class Level(Metric):
    """The mean of all codes; none for negative ones."""

    def score(self, evaluation):
        level = float(evaluation.codes(np.arange(len(GRID))).mean())
        if level < 0:
            raise NotApplicableError("negative")
        return Score(level)


class Cost(Level):
    """The same, but smaller is better."""

    higher_is_better = False


class Infinite(Level):
    """No number."""

    def score(self, evaluation):
        return Score(float("inf"))


def model(level):
    return TableEvaluation(np.full((len(GRID), 2), level, dtype=np.float32), GRID)


def scores(metric, *levels):
    selector = supervised(metric)(metric.Config())
    return selector.scores(selector.compare([model(level) for level in levels]))


def test_the_scores_are_the_metrics():
    assert scores(Level, 1, 3, 2).tolist() == [1, 3, 2]


def test_smaller_can_be_better():
    assert scores(Cost, 1, 3, 2).tolist() == [-1, -3, -2]


def test_a_model_without_a_number_has_no_score():
    np.testing.assert_array_equal(scores(Level, 1, -1), [1, np.nan])
    assert np.isnan(scores(Infinite, 1, 2)).all()


@pytest.mark.parametrize(("metric", "sign"), [(Level, 1.0), (Cost, -1.0)])
def test_it_has_no_regret_by_its_own_metric(metric, sign):
    levels = [5, 2, 8, 3]
    selector = supervised(metric)(metric.Config())
    comparisons = selector.compare([model(level) for level in levels])
    row = judge(ComparedPool(selector, list("abcd"), comparisons), np.array(levels, dtype=float), sign)
    assert row["regret"] == row["regret_high"] == 0
    assert row["rank_correlation"] == pytest.approx(1)
    assert row["cross_evaluations"] == 4


def test_every_metric_makes_a_selector_with_its_settings_and_needs(registry):
    for name in registry.entries["metrics"]:
        metric = registry.find("metrics", name).load()
        selector = registry.find("selectors", f"supervised:{name}").load()
        assert selector.Config is metric.Config
        assert selector.needs == metric.needs
        assert metric.__name__ in selector.__doc__
    found = resolve_choice(registry, "selectors", "supervised:factorvae", {"protocol": "infogan-cr"}, "here")
    assert build_selector(registry, found).config.protocol == "infogan-cr"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("supervised:factorvea", "here: there is no metric 'factorvea'; did you mean 'factorvae'?"),
        (
            "supervise:factorvae",
            "here: there is no selector 'supervise:factorvae'; did you mean 'supervised:factorvae'?",
        ),
    ],
)
def test_a_misspelt_name_is_explained(registry, name, message):
    with pytest.raises(UserError) as error:
        registry.find("selectors", name, "here")
    assert str(error.value) == message


def results_of(registry, choice, *levels):
    records = [score_evaluation(model(level), [choice], registry) for level in levels]
    return [Result("", Outcome.FINISHED, scores=tuple(found)) for found in records]


def test_stored_scores_are_taken_as_they_would_be_found(registry):
    metric, choice = (
        resolve_choice(registry, *what, {}, "") for what in (("metrics", "spread"), ("selectors", "supervised:spread"))
    )
    selector = build_selector(registry, choice)
    results = results_of(registry, metric, 1.0, 2.0)
    found = stored_comparisons(choice, selector, results, seed=0)
    np.testing.assert_array_equal(found, selector.compare([model(1.0), model(2.0)]))
    assert stored_comparisons(choice, selector, results, seed=1) is None
    assert stored_comparisons(choice, selector, [*results, None], seed=0) is None
    other = Choice(choice.name, choice.config, "another version")
    assert score_key(other, 0) != score_key(choice, 0)
    assert stored_comparisons(other, selector, results, seed=0) is None


def test_a_score_that_failed_is_found_anew_and_one_that_does_not_apply_is_none(registry):
    broken, choice = (
        resolve_choice(registry, *what, {}, "") for what in (("metrics", "nan"), ("selectors", "supervised:nan"))
    )
    assert stored_comparisons(choice, build_selector(registry, choice), results_of(registry, broken, 1.0), 0) is None
    error, choice = (
        resolve_choice(registry, *what, {}, "") for what in (("metrics", "error"), ("selectors", "supervised:error"))
    )
    found = stored_comparisons(choice, build_selector(registry, choice), results_of(registry, error, 1.0), 0)
    assert np.isnan(found).all()


def test_only_supervised_selectors_have_stored_comparisons(registry):
    choice = resolve_choice(registry, "selectors", "random", {}, "")
    assert stored_comparisons(choice, build_selector(registry, choice), [], 0) is None
