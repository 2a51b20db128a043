"""Precision and recall, density and coverage: by hand, by looking at all pairs, and of generators with known faults."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness import NotApplicableError
from harness_metrics.samples.precision_recall import Coverage, Density, Precision, Recall, overlap

ALL = (Precision, Recall, Density, Coverage)


def evaluate(metric, evaluation, **config):
    settings = {"features": "dataset", "samples": 300, **config}
    return metric(metric.Config(**settings)).score(evaluation)


def vectors(*values):
    return np.array(values, dtype=np.float32)[:, None]


def test_hand_worked_on_a_line():
    """Balls to the nearest other one: around real 0, 1 and 3 by 1, 1 and 2; around samples 1, 2 and 9 by 1, 1 and 7."""
    found = overlap(vectors(0, 1, 3), vectors(1, 2, 9), neighbours=1)
    assert found.precision == pytest.approx(2 / 3)
    # 1 lies in the balls of 0, 1 and 3; 2 in those of 1 and 3; 9 in none.
    assert found.density == pytest.approx(5 / 3)
    assert found.recall == pytest.approx(1)
    assert found.coverage == pytest.approx(1)


def test_an_outlier_among_the_samples_raises_recall_and_not_coverage():
    real, samples = vectors(0, 1, 2, 3), vectors(50, 90, 91)
    assert overlap(real, samples, 2).recall == 0
    outlier = vectors(50, 120, 200)
    assert overlap(real, outlier, 2).recall == 1
    assert overlap(real, outlier, 2).coverage == 0


POINTS = arrays(np.float32, st.tuples(st.integers(4, 9), st.just(2)), elements=st.integers(-4, 4).map(float))


@given(POINTS, POINTS, st.integers(1, 3))
def test_it_is_what_looking_at_all_pairs_gives(real, samples, k):
    def radius(points, number):
        return sorted(np.hypot(*(points[number] - other)) for at, other in enumerate(points) if at != number)[k - 1]

    inside = [[np.hypot(*(y - x)) <= radius(real, i) + 1e-6 for y in samples] for i, x in enumerate(real)]
    within = [[np.hypot(*(y - x)) <= radius(samples, j) + 1e-6 for j, y in enumerate(samples)] for x in real]
    found = overlap(real, samples, k)
    assert found.precision == pytest.approx(np.any(inside, axis=0).mean())
    assert found.recall == pytest.approx(np.any(within, axis=1).mean())
    assert found.density == pytest.approx(np.sum(inside) / (k * len(samples)))
    assert found.coverage == pytest.approx(np.any(inside, axis=1).mean())


def test_copies_of_the_real_images_are_perfect(subjects):
    memoriser = subjects.memoriser()
    for metric in (Precision, Recall, Coverage):
        assert evaluate(metric, memoriser, samples=2000).value > 0.99


def test_one_kind_of_images_is_precise_and_covers_little(subjects):
    collapsed, ideal = subjects.collapsed(), subjects.ideal()
    assert evaluate(Precision, collapsed).value > 0.8
    for metric in (Recall, Coverage):
        assert evaluate(metric, collapsed).value < 0.6 < evaluate(metric, ideal).value


def test_noise_is_not_precise(subjects):
    for metric in (Precision, Density, Coverage):
        assert evaluate(metric, subjects.noise()).value < 0.1


def test_details_tell_the_same_of_held_out_images_and_how_many_were_compared(subjects, strokes, subjects_of):
    found = evaluate(Precision, subjects.ideal())
    assert found.details["held_out"] > 0.5
    assert (found.details["samples"], found.details["images"]) == (300, 160)
    json.dumps(dict(found.details), allow_nan=False)
    assert evaluate(Precision, subjects_of(strokes(), held_out=0).ideal()).details["held_out"] is None


@pytest.mark.parametrize("metric", ALL)
def test_too_few_images_for_the_neighbours_do_not_apply(metric, subjects):
    with pytest.raises(NotApplicableError, match="160 neighbours are not to be had"):
        evaluate(metric, subjects.ideal(), neighbours=160)
