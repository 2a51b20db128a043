import json
import math

import numpy as np
import pytest

from harness import NotApplicableError
from harness_metrics.samples.mode_kl import ModeKL, kl_to_uniform


def evaluate(evaluation, **config):
    return ModeKL(ModeKL.Config(**{"samples": 600, **config})).score(evaluation)


def test_by_hand():
    assert kl_to_uniform(np.array([5, 5, 5])) == pytest.approx(0)
    assert kl_to_uniform(np.array([7, 0, 0])) == pytest.approx(math.log(3))
    assert kl_to_uniform(np.array([3, 1])) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_a_collapsed_generator_is_exposed(subjects):
    ideal, collapsed = evaluate(subjects.ideal()), evaluate(subjects.collapsed())
    assert ideal.value < 0.05
    assert collapsed.value > 0.9 * math.log(3)
    assert collapsed.details["histogram"][0] > 0.9
    assert sum(ideal.details["histogram"]) == pytest.approx(1)
    json.dumps(dict(ideal.details), allow_nan=False)


def test_the_datasets_own_unevenness_stands_beside_it(strokes, subjects_of):
    balanced, uneven = strokes(), strokes()
    uneven.targets = uneven.targets.clamp(max=1)
    assert evaluate(subjects_of(balanced).ideal()).details["labels"] == pytest.approx(0)
    expected = kl_to_uniform(np.array([80, 160, 0]))
    assert evaluate(subjects_of(uneven).ideal()).details["labels"] == pytest.approx(expected)


def test_what_has_no_classes_does_not_apply(subjects, load):
    with pytest.raises(NotApplicableError, match="no factor 'shape'"):
        evaluate(subjects.noise(), classifier="shapes")
    assert load("aligned").lacks(ModeKL.needs)
