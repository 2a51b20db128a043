import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness import ModelEvaluation, NotApplicableError, Rng
from harness.config import parse
from harness.model import build
from harness_metrics.samples.inception_score import InceptionScore, inception_scores


def evaluate(evaluation, **config):
    return InceptionScore(InceptionScore.Config(**{"samples": 600, **config})).score(evaluation)


def test_two_samples_by_hand():
    # p(y) = (1/2, 1/2); KL of each row from it is 3/4 ln(3/2) + 1/4 ln(1/2).
    rows = np.array([[0.75, 0.25], [0.25, 0.75]])
    expected = math.exp(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert inception_scores(rows).tolist() == pytest.approx([expected])


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_its_ends(classes):
    sure_of_each = np.eye(classes)[np.arange(20 * classes) % classes]
    assert inception_scores(sure_of_each).tolist() == pytest.approx([classes])
    assert inception_scores(np.full((50, classes), 1 / classes)).tolist() == pytest.approx([1])
    assert inception_scores(np.eye(classes)[np.zeros(50, dtype=int)]).tolist() == pytest.approx([1])


@given(arrays(float, st.tuples(st.integers(1, 30), st.integers(2, 6)), elements=st.floats(0.01, 1)))
def test_it_lies_between_one_and_the_number_of_classes(weights):
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    (score,) = inception_scores(probabilities)
    assert 1 - 1e-9 <= score <= probabilities.shape[1] + 1e-9


def test_chunks_have_marginals_of_their_own():
    one_class_each = np.eye(2)[[0, 0, 0, 1, 1, 1]]
    assert inception_scores(one_class_each, splits=2).tolist() == pytest.approx([1, 1])
    assert inception_scores(one_class_each, splits=1).tolist() == pytest.approx([2])
    assert len(inception_scores(one_class_each, splits=10)) == 6


def test_real_images_beat_noise_and_a_collapsed_generator(subjects):
    ideal, noise, collapsed = (evaluate(each) for each in (subjects.ideal(), subjects.noise(), subjects.collapsed()))
    assert 2.7 < ideal.value <= 3
    assert collapsed.value < 1.2
    assert noise.value < ideal.value - 0.5
    assert ideal.details["classifier_accuracy"] > 0.9
    assert noise.details["confidence"] < ideal.details["confidence"] <= 1
    assert (ideal.details["classes"], ideal.details["samples"]) == (3, 600)
    json.dumps(dict(ideal.details), allow_nan=False)


def test_chunks_differ(subjects):
    assert evaluate(subjects.ideal()).details["std"] > 0
    assert evaluate(subjects.ideal(), splits=1).details["std"] == 0


def grid_of(registry, positions):
    dataset_class = registry.find("datasets", "sprites").load()
    grid = {"image_size": 32, "scales": 2, "orientations": 5, "positions_x": positions, "positions_y": positions}
    made = dataset_class(parse(dataset_class.Config, grid, "dataset"))
    made.load("cpu")
    return made


def drawing(sprites, registry):
    """An evaluation of an untrained generator of sprites."""
    model_class = registry.find("models", "vae").load()
    return ModelEvaluation(build(model_class, model_class.Config(), sprites.image, Rng(0)), sprites)


@pytest.fixture(scope="module")
def sprites(registry):
    return grid_of(registry, 10)


@pytest.fixture
def drawn(sprites, registry):
    return drawing(sprites, registry)


def test_the_authors_network_tells_the_shapes_of_sprites(registry):
    # Its five epochs are for a grid of hundreds of thousands.
    score = evaluate(drawing(grid_of(registry, 14), registry), classifier="shapes")
    assert 1 <= score.value <= 3
    assert score.details["classes"] == 3
    assert score.details["std"] == 0, "the samples are one chunk"
    assert score.details["classifier_accuracy"] > 0.6


def test_a_factor_can_be_the_class(drawn):
    assert evaluate(drawn, factor="scale", epochs=1).details["classes"] == 2
    with pytest.raises(NotApplicableError, match=r"no factor 'size', only .*scale"):
        evaluate(drawn, factor="size")


def test_what_has_no_classes_does_not_apply(subjects, load):
    with pytest.raises(NotApplicableError, match="no factor 'shape'"):
        evaluate(subjects.noise(), classifier="shapes")
    assert load("aligned").lacks(InceptionScore.needs)
