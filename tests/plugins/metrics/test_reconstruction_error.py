import json

import pytest
import torch

from harness import ImageSpec, Model, ModelEvaluation
from harness.dataset import Dataset
from harness_metrics.samples.reconstruction_error import ReconstructionError


class Levels(Dataset):
    """Image i is flat, i / 10 bright."""

    image = ImageSpec(2, 3, 3)

    def __len__(self):
        return 10

    def images(self, indices):
        return (indices / 10).view(-1, 1, 1, 1).expand(-1, 2, 3, 3)


class Black(Model):
    """Reconstructs everything as black."""

    def reconstruct(self, images):
        return torch.zeros_like(images)


class Parrot(Model):
    """Reconstructs only what it has seen."""

    seen = torch.empty(0)

    def reconstruct(self, images):
        known = torch.isin(images[:, :1, :1, :1], self.seen)
        return torch.where(known, images, 0.0)


def evaluation_of(model_class, held_out=0):
    return ModelEvaluation(
        model_class(Model.Config(), Levels.image), Levels(Levels.Config()), held_out=held_out, batch_size=4
    )


def evaluate(evaluation, **config):
    return ReconstructionError(ReconstructionError.Config(**config)).score(evaluation)


def test_by_hand():
    levels = [i / 10 for i in range(10)]
    score = evaluate(evaluation_of(Black))
    assert score.value == pytest.approx(sum(level**2 for level in levels) / 10)
    assert score.details == {"held_out": None, "training": score.value}
    assert evaluate(evaluation_of(Black), norm="absolute").value == pytest.approx(sum(levels) / 10)


def test_held_out_images_count_and_expose_learning_by_heart():
    evaluation = evaluation_of(Parrot, held_out=3)
    evaluation.model.seen = evaluation.images(evaluation.trained_on)[:, 0, 0, 0]
    score = evaluate(evaluation)
    assert score.details["training"] == 0
    assert score.value == score.details["held_out"]
    assert score.value == pytest.approx(sum((i / 10) ** 2 for i in evaluation.held_out) / 3)
    json.dumps(dict(score.details), allow_nan=False)


def test_a_sample_of_the_images():
    assert evaluate(evaluation_of(Black), images=1).value in [pytest.approx((i / 10) ** 2) for i in range(10)]


def test_it_needs_a_model_that_reconstructs(load):
    metric = ReconstructionError(ReconstructionError.Config())
    assert load("aligned").lacks(metric.needs)
    assert evaluation_of(Model).lacks(metric.needs) == "the model does not reconstruct"
