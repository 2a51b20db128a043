"""A linear classifier on what a model's convolutional layers see."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.svm import LinearSVC
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d

from harness import Evaluation, Field, Metric, ModelEvaluation, NotApplicableError, Score, Settings
from harness.factors import Indices
from harness_metrics.classifiers import model_of
from harness_metrics.labelling import Labelling, labelling

Floats = NDArray[np.float32]
GRID = 4
"""Feature maps are max-pooled to this side."""
CONSTANTS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Inverse strengths of the L2 regularisation that are tried, for features whose mean norm is 1."""
TEST_IMAGES = 10_000
"""Images that the accuracy is measured on, and images that choose the constant, at most."""


class FeaturesSVM(Metric):
    """Test accuracy of a linear support vector machine on a model's features, in [0, 1].

    The maps of every convolutional layer are max-pooled to 4x4 (smaller ones are left as they are), flattened and
    concatenated, and classified by an L2-regularised linear SVM with squared hinge loss, one class against the
    others. Features are divided by their mean norm, so that the strength of the regularisation means the same for
    every model.

    The test images are the held-out ones, or a fifth of the dataset where none were held out; another fifth of
    the rest chooses the strength; what is left trains the SVM. In the paper the features come from a model of
    another dataset (ImageNet) than the labels; here both come from the model's own dataset. All labels together
    take 64 bytes per image and feature map: choose fewer labels or a narrower model where that is too much.
    """

    class Config(Settings):
        """The labels."""

        factor: str | None = Field(
            None, description="factor that is the class, of a grid of factors; null: the first categorical one"
        )
        labels: int | None = Field(
            None, gt=0, description="labelled images per class that train the SVM, drawn at random; null: all"
        )
        draws: int = Field(1, gt=0, description="how often they are drawn; the score is the mean")

    source = "Radford et al. 2016, Unsupervised Representation Learning with DCGAN, arXiv:1511.06434, section 5"
    needs = ("features",)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The mean accuracy over draws.

        Details hold the accuracies and the chosen constants of every draw, and the numbers of features and of
        images that train, choose and test.

        Raises:
            NotApplicableError: the dataset has no classes, or too few images of one.
        """
        evaluation = model_of(evaluation)
        classes = labelling(evaluation.dataset, self.config.factor)
        pool, validation, test = _split(evaluation)
        draws = [evaluation.rng("features-svm, labels", number) for number in range(self.config.draws)]
        chosen = [_choose(pool, classes, self.config.labels, rng) for rng in draws]
        known = np.unique(np.concatenate([*chosen, validation, test]))
        features = pooled_features(evaluation, known)

        def data(indices: Indices) -> tuple[Floats, Indices]:
            return features[np.searchsorted(known, indices)], classes.labels[indices]

        found = [_fit(data(train), data(validation), data(test)) for train in chosen]
        details = {
            "accuracies": [accuracy for accuracy, _ in found],
            "constants": [constant for _, constant in found],
            "features": features.shape[1],
            "images": {"train": len(chosen[0]), "validation": len(validation), "test": len(test)},
        }
        return Score(float(np.mean(details["accuracies"])), details)


def _split(evaluation: ModelEvaluation) -> tuple[Indices, Indices, Indices]:
    """Indices of the images that train, choose the constant and test."""
    shuffled = evaluation.rng("features-svm").permutation(evaluation.trained_on)
    test = evaluation.rng("features-svm, test").permutation(evaluation.held_out)[:TEST_IMAGES]
    if not len(test):
        test, shuffled = np.split(shuffled, [min(len(shuffled) // 5, TEST_IMAGES)])
    validation, pool = np.split(shuffled, [min(len(shuffled) // 5, TEST_IMAGES)])
    return pool, validation, test


def _choose(pool: Indices, classes: Labelling, per_class: int | None, rng: np.random.Generator) -> Indices:
    """All images of the pool (n,), or so many of each class drawn at random.

    Raises:
        NotApplicableError: a class has fewer, or there is only one class.
    """
    labels = classes.labels[pool]
    counts = np.bincount(labels, minlength=classes.classes)
    if np.count_nonzero(counts) < 2:
        raise NotApplicableError(f"{len(pool)} images show a single class of {classes.name}")
    if per_class is None:
        return pool
    if counts.min() < per_class:
        raise NotApplicableError(
            f"class {counts.argmin()} of {classes.name} has {counts.min()} images to train on, fewer than {per_class}"
        )
    shuffled = rng.permutation(pool)
    return np.concatenate([shuffled[classes.labels[shuffled] == each][:per_class] for each in range(classes.classes)])


def pooled_features(evaluation: ModelEvaluation, indices: Indices) -> Floats:
    """(n, D) features of the dataset's images at indices (n,): all pooled maps side by side."""
    rows = []
    for start in range(0, len(indices), evaluation.batch_size):
        maps = evaluation.features(evaluation.images(indices[start : start + evaluation.batch_size]))
        rows.append(torch.cat([_pool(each) for each in maps], dim=1).cpu().numpy())
    return np.concatenate(rows)


def _pool(maps: Tensor) -> Tensor:
    """(N, C, H, W) maps, max-pooled to at most 4x4 and flattened."""
    return adaptive_max_pool2d(maps, (min(GRID, maps.shape[2]), min(GRID, maps.shape[3]))).flatten(1)


def _fit(
    train: tuple[Floats, Indices], validation: tuple[Floats, Indices], test: tuple[Floats, Indices]
) -> tuple[float, float]:
    """Test accuracy and constant of the SVM that is best on the validation images."""
    scale = float(np.linalg.norm(train[0], axis=1).mean()) or 1.0
    best: tuple[float, LinearSVC, float] | None = None
    for constant in CONSTANTS:
        machine = LinearSVC(C=constant, dual=False).fit(train[0] / scale, train[1])
        accuracy = machine.score(validation[0] / scale, validation[1])
        if best is None or accuracy > best[0]:
            best = accuracy, machine, constant
    assert best is not None
    return float(best[1].score(test[0] / scale, test[1])), best[2]
