"""Random search: settings drawn from a space, the same ones everywhere."""

import numpy as np
import pytest
from scipy.stats import kstest

from harness import UserError
from harness.suite.search import Search, drawn
from harness.suite.suite import load_suite


def search(budget, space, seed=0):
    return drawn(Search(budget=budget, seed=seed, space=space), "search")


SPACE = {"beta": {"from": 1.0, "to": 16.0, "scale": "log"}, "latents": {"from": 5, "to": 20}, "width": [0.5, 1.0]}


def test_a_larger_budget_and_another_setting_leave_what_was_drawn_as_it_was():
    few, many = search(5, SPACE), search(40, SPACE)
    assert many[:5] == few
    wider = search(5, {"training": {"batch_size": [4, 8]}, **SPACE})
    assert [{name: point[name] for name in SPACE} for point in wider] == few
    assert {point["training.batch_size"] for point in wider} <= {4, 8}
    assert search(5, SPACE, seed=1) != few


def test_numbers_are_uniform_on_their_scale():
    points = search(4000, {"a": {"from": -2.0, "to": 6.0}, "b": {"from": 1e-4, "to": 1.0, "scale": "log"}})
    linear = [point["a"] for point in points]
    logarithmic = np.log10([point["b"] for point in points])
    assert kstest(linear, "uniform", (-2, 8)).pvalue > 0.01
    assert kstest(logarithmic, "uniform", (-4, 4)).pvalue > 0.01


def test_whole_numbers_reach_both_ends_and_are_alike_often():
    counts = dict.fromkeys(range(3, 7), 0)
    for seed in range(2000):
        (point,) = search(1, {"n": {"from": 3, "to": 6}}, seed)
        counts[point["n"]] += 1
    assert min(counts.values()) > 430
    assert max(counts.values()) < 570
    powers = [search(1, {"n": {"from": 1, "to": 100, "scale": "log"}}, seed)[0]["n"] for seed in range(1000)]
    assert {1, 100} <= set(powers)
    assert 350 < sum(value < 8 for value in powers) < 700


def test_a_budget_of_the_whole_space_has_every_setting_once():
    points = search(12, {"a": [1, 1, 2], "b": {"from": 1, "to": 3}, "c": {"from": 0.0, "to": 0.5, "step": 0.5}})
    assert len({tuple(point.items()) for point in points}) == 12


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"a": {"from": 2, "to": 1}}, r"search\.space\.a: .*a `from` that is smaller than `to`"),
        ({"a": {"from": 0, "to": 1, "scale": "log"}}, r"search\.space\.a: .*ends above 0 for a log scale"),
        ({"a": {"form": 0, "to": 1}}, r"search\.space\.a\.form: unknown key; did you mean 'from'"),
        ({"a": 3}, r"search\.space\.a: got 3, expected a list of values, or a range"),
        ({"a": []}, r"search\.space\.a: the list is empty"),
        ({"training": {"steps": 3}}, r"search\.space\.training\.steps: got 3, expected a list"),
        ({"training": {}, "a": [1, 2]}, r"search\.budget: got 3, and the space has 2 settings"),
        ({"a": {"from": 1.0, "to": 1.00001}}, r"search\.budget: got 3, and the space has 2 settings"),
        ({"a": [1, 2]}, r"search\.budget: got 3, and the space has 2 settings"),
    ],
)
def test_what_is_no_space_is_explained(space, message):
    with pytest.raises(UserError, match=message):
        search(3, space)


SUITE = """
[dataset]
name = "bars"
[training]
batch_size = 8
[[models]]
name = "linear"
search = { budget = 3, space = { size = { from = 2, to = 9 }, training.steps = [2, 3] } }
"""


def test_what_is_drawn_are_trials_like_any_other(suite_file, registry):
    trials = load_suite(suite_file(SUITE), registry).trials
    assert len(trials) == 3
    for trial in trials:
        assert trial.model.config["size"] == trial.swept["size"]
        assert trial.training.steps == trial.swept["training.steps"]
        written = f'[dataset]\nname = "bars"\n[training]\nbatch_size = 8\nsteps = {trial.training.steps}\n'
        written += f'[[models]]\nname = "linear"\nconfig.size = {trial.model.config["size"]}\n'
        assert load_suite(suite_file(written), registry).trials[0].id == trial.id


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('"linear"\n', '"linear"\nsweep.noise = [0.1]\n', r"models\[0\]\.sweep: models\[0\]\.search draws settings"),
        (
            '"linear"\n',
            '"linear"\nconfig.size = 2\n',
            r"space\.size: the key also stands in models\[0\]\.config",
        ),
        ("size = {", "sise = {", r"models\[0\]\.config\.sise: unknown key; did you mean 'size'"),
        ("budget = 3", "budgte = 3", r"models\[0\]\.search\.budgte: unknown key; did you mean 'budget'"),
    ],
)
def test_a_search_that_does_not_fit_its_model_is_refused(suite_file, registry, right, wrong, message):
    with pytest.raises(UserError, match=message):
        load_suite(suite_file(SUITE.replace(right, wrong)), registry)
