import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import NotApplicableError, Rng
from harness_metrics.samples.memorisation import Memorisation, nearest_distances


def evaluate(evaluation, **config):
    return Memorisation(Memorisation.Config(**{"samples": 400, **config})).score(evaluation)


def test_nearest_by_hand():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    chunks = [torch.tensor([[0.0, 1.0], [0.0, -2.0]]), torch.tensor([[3.0, 4.0], [10.0, 0.5]])]
    assert nearest_distances(points, chunks).tolist() == [1, 0, 0.5]


@given(st.integers(0, 1000), st.integers(1, 8))
def test_nearest_is_that_of_all_pairs(seed, chunks):
    points, others = Rng(seed).normal(2, 12, 5)
    expected = torch.cdist(points.double(), others.double()).min(dim=1).values
    found = nearest_distances(points, torch.tensor_split(others, chunks))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5)


def test_rounding_does_not_part_equal_images():
    images = Rng(0).uniform(50, 3, 64, 64)
    assert nearest_distances(images, [images.flip(0)]).max() == 0


def test_a_memoriser_is_exposed(subjects):
    score = evaluate(subjects.memoriser())
    assert score.value == score.details["ratio"] == 0
    assert score.details["nearer"] == 1
    assert score.details["held_out"] > 0
    json.dumps(dict(score.details), allow_nan=False)


def test_new_images_are_as_far_as_those_held_out(subjects):
    score = evaluate(subjects.ideal())
    assert score.details["ratio"] == pytest.approx(1, abs=0.1)
    assert score.details["nearer"] == pytest.approx(0.5, abs=0.1)
    assert score.value == min(1, score.details["ratio"])


def test_samples_that_are_the_held_out_images_score_one(subjects):
    dataset, held_out = subjects.dataset, subjects.noise().held_out
    score = evaluate(subjects.emitting(dataset.content[held_out]), samples=3000)
    assert score.details["ratio"] == pytest.approx(1, abs=0.05)


def test_noise_memorises_nothing(subjects):
    score = evaluate(subjects.noise())
    assert score.value == 1
    assert score.details["ratio"] > 1
    assert score.details["nearer"] < 0.1


def test_half_a_memoriser_scores_half(subjects):
    dataset, evaluation = subjects.dataset, subjects.noise()
    copied, new = dataset.content[evaluation.trained_on[:80]], dataset.content[evaluation.held_out]
    assert evaluate(subjects.emitting(torch.cat([copied, new])), samples=3000).value == pytest.approx(0.5, abs=0.05)


def test_it_needs_held_out_images(strokes, subjects_of, load):
    without = subjects_of(strokes(), held_out=0).ideal()
    assert without.lacks(Memorisation.needs) == "no images were held out; set training.held_out"
    assert load("aligned").lacks(Memorisation.needs)
    repeated = strokes()
    repeated.content = repeated.content[:1].repeat(240, 1, 1, 1)
    with pytest.raises(NotApplicableError, match="every held-out image equals a training image"):
        evaluate(subjects_of(repeated).noise())
