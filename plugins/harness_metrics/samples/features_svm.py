"""A linear classifier of images by the feature maps of a model's convolutional layers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.svm import LinearSVC
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d

from harness import Dataset, Field, Indices, ModelEvaluation, NotApplicableError, SampleMetric, Score, Settings
from harness_metrics.labelling import Labelling, labelling

Features = NDArray[np.float32]
Labelled = tuple[Features, Indices]
"""Features (n, D) of some images and their classes (n,)."""

GRID = 4
"""Feature maps are max-pooled to this side."""
CONSTANTS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Inverse strengths of the L2 regularisation that are tried, for features whose mean norm is 1."""
TEST_IMAGES = 10_000
"""Images that the accuracy is measured on, and images that choose the constant, at most."""


@dataclass(frozen=True)
class LabelledImages:
    """Some images of a dataset, by their indices, and the classes of all."""

    dataset: Dataset
    classes: Labelling
    indices: Indices

    @property
    def labels(self) -> Indices:
        """The class of each image, (n,)."""
        return self.classes.labels[self.indices]

    def cut(self, n: int) -> tuple["LabelledImages", "LabelledImages"]:
        """Split into the first n images and the others."""
        return replace(self, indices=self.indices[:n]), replace(self, indices=self.indices[n:])


class FeaturesSVM(SampleMetric):
    """Test accuracy of a linear support vector machine on a model's features, in [0, 1].

    The maps of every convolutional layer are max-pooled to 4x4 (smaller ones are left as they are), flattened and
    concatenated, and classified by an L2-regularised linear SVM with squared hinge loss, one class against the
    others. By default features are divided by their mean norm, so that the strength of the regularisation means the
    same for every model.

    A fifth of the images chooses the strength, for each draw of labels or once for all, and the rest trains the SVM.
    It is tested on the model's held-out images or, where none were held out, on a fifth of the dataset; no part is
    larger than 10,000 images but that which trains.

    `dataset` and `test` name other datasets to classify, such as the parts of CIFAR-10 for a model of ImageNet, as
    in the paper. They must be installed, and their images must be of the size that the model takes.

    In memory an image takes 64 bytes per feature map, and three times that while the SVM learns: choose fewer
    labels or a narrower model where that is too much.
    """

    class Config(Settings):
        dataset: dict[str, Any] | None = Field(
            None, description="name and settings of the dataset to classify; null: the model's own"
        )
        test: dict[str, Any] | None = Field(
            None, description="name and settings of the dataset that tests; null: images of the same one"
        )

        factor: str | None = Field(
            None, description="factor that is the class, of a grid of factors; null: the first categorical one"
        )
        labels: int | None = Field(
            None, gt=0, description="labelled images per class that train the SVM, drawn at random; null: all"
        )
        draws: int = Field(1, gt=0, description="how often they are drawn; the score is the mean")
        choosing_draws: int | None = Field(
            None,
            gt=0,
            description="the first so many draws choose one strength for all, the best on average; null: each its own",
        )
        constants: tuple[Annotated[float, Field(gt=0)], ...] = Field(
            CONSTANTS, min_length=1, description="inverse strengths of the regularisation that are tried"
        )
        scaled: bool = Field(True, description="divide features by their mean norm; false leaves them as they are")

    source = "Radford et al. 2016, Unsupervised Representation Learning with DCGAN, arXiv:1511.06434, section 5"
    needs = ("features",)
    range = (0, 1)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The mean accuracy over draws.

        Details hold the accuracies and the chosen constants of every draw, and the numbers of features and of
        images that train, choose and test.

        Raises:
            NotApplicableError: the dataset has no classes, or too few images of one.
        """
        learning, test = self._images(evaluation)
        validation, pool = _fifth(learning)
        draws = [evaluation.rng("features-svm, labels", number) for number in range(self.config.draws)]
        chosen = [_choose(pool, self.config.labels, rng) for rng in draws]
        known = np.unique(np.concatenate([validation.indices, *(images.indices for images in chosen)]))
        features = pooled_features(evaluation, learning.dataset, known)

        def data(images: LabelledImages) -> tuple[Features, Indices]:
            return features[np.searchsorted(known, images.indices)], images.labels

        tested = pooled_features(evaluation, test.dataset, test.indices), test.labels
        constants = self.config.constants
        if self.config.choosing_draws is not None:
            choosing = chosen[: self.config.choosing_draws]
            tried = [[self._accuracy(data(train), data(validation), c) for c in constants] for train in choosing]
            constants = (constants[int(np.mean(tried, axis=0).argmax())],)
        found = [self._tested(data(train), data(validation), tested, constants) for train in chosen]
        details = {
            "accuracies": [accuracy for accuracy, _ in found],
            "constants": [constant for _, constant in found],
            "features": features.shape[1],
            "images": {
                "train": len(chosen[0].indices),
                "validation": len(validation.indices),
                "test": len(test.indices),
            },
        }
        return Score(float(np.mean(details["accuracies"])), details)

    def _tested(
        self, train: Labelled, validation: Labelled, test: Labelled, constants: Sequence[float]
    ) -> tuple[float, float]:
        """Test accuracy and constant of the SVM that is best on the validation images."""
        best = constants[0]
        if len(constants) > 1:
            best = max(constants, key=lambda constant: self._accuracy(train, validation, constant))
        return self._accuracy(train, test, best), best

    def _accuracy(self, train: Labelled, test: Labelled, constant: float) -> float:
        """Accuracy of an SVM on some images after learning from others."""
        scale = float(np.linalg.norm(train[0], axis=1).mean()) if self.config.scaled else 1.0
        machine = LinearSVC(C=constant, dual=False, random_state=0).fit(train[0] / (scale or 1.0), train[1])
        return float(machine.score(test[0] / (scale or 1.0), test[1]))

    def _images(self, evaluation: ModelEvaluation) -> tuple[LabelledImages, LabelledImages]:
        """Draw the images that the SVM learns from and those that test it, both in random order."""
        own = self.config.dataset is None
        dataset = _dataset(evaluation, self.config.dataset, "dataset")
        classes = labelling(dataset, self.config.factor)
        indices = evaluation.trained_on if own else np.arange(len(dataset))
        learning = LabelledImages(dataset, classes, evaluation.rng("features-svm").permutation(indices))
        if self.config.test is not None:
            dataset = _dataset(evaluation, self.config.test, "test")
            classes, indices = labelling(dataset, self.config.factor), np.arange(len(dataset))
        elif own and len(evaluation.held_out):
            indices = evaluation.held_out
        else:
            test, learning = _fifth(learning)
            return learning, test
        shuffled = evaluation.rng("features-svm, test").permutation(indices)
        return learning, LabelledImages(dataset, classes, shuffled[:TEST_IMAGES])


def _dataset(evaluation: ModelEvaluation, table: Mapping[str, Any] | None, setting: str) -> Dataset:
    """The loaded dataset that a setting names; the model's own if it names none.

    Raises:
        NotApplicableError: its images have another shape than those that the model takes.
        UserError: there is no such dataset, or a setting of it is wrong.
    """
    if table is None:
        return evaluation.dataset

    def load() -> Dataset:
        settings = dict(table)
        dataset = evaluation.other_dataset(str(settings.pop("name", "")), settings, setting)
        if dataset.image != evaluation.dataset.image:
            raise NotApplicableError(
                f"the model takes {evaluation.dataset.image} images, {setting} has {dataset.image}"
            )
        dataset.load(evaluation.dataset.device)
        return dataset

    return evaluation.once(("dataset", json.dumps(table, sort_keys=True)), load)


def _fifth(images: LabelledImages) -> tuple[LabelledImages, LabelledImages]:
    """A fifth of the images, at most 10,000, and the others."""
    return images.cut(min(len(images.indices) // 5, TEST_IMAGES))


def _choose(pool: LabelledImages, per_class: int | None, rng: np.random.Generator) -> LabelledImages:
    """All images of the pool, or so many of each class drawn at random.

    Raises:
        NotApplicableError: a class has fewer, or there is only one class.
    """
    classes, counts = pool.classes, np.bincount(pool.labels, minlength=pool.classes.classes)
    if np.count_nonzero(counts) < 2:
        raise NotApplicableError(f"{len(pool.indices)} images show a single class of {classes.name}")
    if per_class is None:
        return pool
    if counts.min() < per_class:
        raise NotApplicableError(
            f"class {counts.argmin()} of {classes.name} has {counts.min()} images to train on, fewer than {per_class}"
        )
    shuffled = rng.permutation(pool.indices)
    labels = classes.labels[shuffled]
    drawn = np.concatenate([shuffled[labels == each][:per_class] for each in range(classes.classes)])
    return replace(pool, indices=drawn)


def pooled_features(evaluation: ModelEvaluation, dataset: Dataset, indices: Indices) -> Features:
    """(n, D) features of a dataset's images at indices (n,): all pooled maps side by side."""
    rows = []
    for part in torch.split(torch.from_numpy(indices).to(dataset.device), evaluation.batch_size):
        maps = evaluation.features(dataset.images(part))
        rows.append(torch.cat([_pool(each) for each in maps], dim=1).cpu().numpy())
    return np.concatenate(rows)


def _pool(maps: Tensor) -> Tensor:
    """(N, C, H, W) maps, max-pooled to at most 4x4 and flattened."""
    return adaptive_max_pool2d(maps, (min(GRID, maps.shape[2]), min(GRID, maps.shape[3]))).flatten(1)
