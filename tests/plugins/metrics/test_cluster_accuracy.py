import numpy as np
import pytest
import torch
from torch.distributions import OneHotCategorical

from harness import (
    Categorical,
    ImageSpec,
    LabelledDataset,
    LatentSpace,
    Model,
    ModelEvaluation,
    Normal,
    NotApplicableError,
    UserError,
)
from harness_metrics.cluster_accuracy import ClusterAccuracy
from harness_metrics.labelling import labelling


class Marks(LabelledDataset):
    """An image shows a mark at one of six places; label k has its mark at place (k + 2) mod 6."""

    image = ImageSpec(1, 1, 6)
    classes = 6

    def __len__(self):
        return 600

    def images(self, indices):
        return torch.nn.functional.one_hot((self.labels(indices) + 2) % 6, 6).float()[:, None, None]

    def labels(self, indices):
        return indices % 6


class Reader(Model):
    """Infers category k from a mark at place k, as far as it knows so many; the second part knows nothing."""

    def __init__(self, categories=6):
        super().__init__(self.Config(), Marks.image)
        self.latents = LatentSpace({"blind": Categorical(6), "mark": Categorical(categories)})

    def posterior(self, images):
        places = images.flatten(1)[:, : self.latents.parts["mark"].size]
        return {
            "blind": OneHotCategorical(logits=torch.zeros(len(images), 6)),
            "mark": OneHotCategorical(probs=places + 0.01),
        }


def evaluate(model, **config):
    evaluation = ModelEvaluation(model, Marks(Marks.Config()), batch_size=77)
    return ClusterAccuracy(ClusterAccuracy.Config(**config)).score(evaluation)


def test_categories_need_not_be_called_as_the_classes():
    score = evaluate(Reader())
    assert score.value == 1
    assert score.details["part"] == "mark"
    assert score.details["matching"] == [[category, (category - 2) % 6] for category in range(6)]
    assert np.sum(score.details["confusion_matrix"]) == 600


def test_a_part_that_knows_nothing_scores_chance():
    score = evaluate(Reader(), part="blind")
    assert score.value == pytest.approx(1 / 6)
    assert score.details["accuracies"] == {"blind": score.value}


def test_images_of_a_class_without_category_are_wrong():
    assert evaluate(Reader(categories=5)).value == pytest.approx(5 / 6)


def test_a_sample_of_the_images():
    score = evaluate(Reader(), images=120)
    assert np.sum(score.details["confusion_matrix"]) == 120


def test_a_model_without_categories_does_not_apply():
    model = Reader()
    model.latents = LatentSpace({"style": Normal(2)})
    with pytest.raises(NotApplicableError, match="no categorical code"):
        evaluate(model)


def test_an_unknown_part_does_not_apply():
    with pytest.raises(NotApplicableError, match="no categorical code 'digit', only blind, mark"):
        evaluate(Reader(), part="digit")


def test_it_needs_posterior_and_labels(load):
    assert load("aligned").lacks(ClusterAccuracy.needs)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda labels: labels[:, None], r"Spoilt.labels gives an array of shape \(600, 1\), not \(600,\)"),
        (lambda labels: labels - 1, "Spoilt.labels gives labels from -1 to 4, not from 0 to 5"),
        (lambda labels: labels + 1, "Spoilt.labels gives labels from 1 to 6, not from 0 to 5"),
        (lambda labels: labels.float(), "Spoilt.labels gives float32, not whole numbers"),
    ],
)
def test_labels_that_are_none_of_the_classes_are_refused(spoil, reason):
    class Spoilt(Marks):
        def images(self, indices):
            return Marks(Marks.Config()).images(indices)

        def labels(self, indices):
            return spoil(super().labels(indices))

    with pytest.raises(UserError, match=reason):
        ClusterAccuracy(ClusterAccuracy.Config()).score(ModelEvaluation(Reader(), Spoilt(Spoilt.Config())))
    with pytest.raises(UserError, match=reason):
        labelling(Spoilt(Spoilt.Config()))
