"""Classifiers by which metrics score samples: trained on the dataset, or Inception's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from harness import Field, FilePath, Indices, ModelEvaluation, Settings
from harness_metrics.labelling import labelling
from harness_metrics.samples.classifier_training import Recipe, trained_classifier
from harness_metrics.samples.inception import (
    InceptionNetwork,
    TorchvisionInception,
    missing,
    published_weights,
    torchvision_weights,
)

Kind: TypeAlias = Literal["dataset", "shapes", "imagenet", "torchvision"]
SHAPES = Recipe("shapes", epochs=5, learning_rate=0.01)
"""The authors' training of their network of shapes (Lin et al., 2020)."""


class ClassifierSettings(Settings):
    """Settings of every metric that scores samples by a classifier."""

    samples: int = Field(50_000, gt=1, description="generated images")
    factor: str | None = Field(
        None, description="factor that a classifier trained on a grid tells apart; null: the first categorical one"
    )
    epochs: int = Field(20, gt=0, description="passes over the images to train a classifier on the dataset")
    weights: FilePath | None = Field(
        None, description="file of weights for imagenet or torchvision; null: where torch keeps what it has downloaded"
    )


class Outputs(NamedTuple):
    """A classifier's outputs for N images: probabilities (N, classes) and features (N, D)."""

    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]


@dataclass(frozen=True)
class Classifier:
    """A classifier in inference mode.

    Attributes:
        key: its name by content.
        classes: number of classes.
        accuracy: on labelled images that it was not trained on; None where it is not known.
        network: (N, C, H, W) images to logits and features.
        batch_size: how many images it is given at once.
    """

    key: str
    classes: int
    accuracy: float | None
    network: Callable[[Tensor], tuple[Tensor, Tensor]]
    batch_size: int

    @torch.no_grad()
    def outputs(self, images: Tensor) -> Outputs:
        """Probabilities and features of images."""
        parts = [self.network(part) for part in torch.split(images, self.batch_size)]
        probabilities = torch.cat([functional.softmax(logits, dim=1) for logits, _ in parts])
        return Outputs(probabilities.cpu().numpy(), torch.cat([features for _, features in parts]).cpu().numpy())


def missing_classifier(kind: Kind, settings: ClassifierSettings) -> str:
    """What this machine lacks to use a classifier, and how to get it; "" if nothing. See `Metric.missing`."""
    return missing(kind, settings.weights) if kind in ("imagenet", "torchvision") else ""


def classifier_of(evaluation: ModelEvaluation, kind: Kind, settings: ClassifierSettings) -> Classifier:
    """The classifier that a metric asks for, made once for all metrics that ask for the same one.

    - `dataset`: a small network trained on the dataset's labels or on one factor.
    - `shapes`: the network of Lin et al. (2020), trained as theirs on the factor "shape".
    - `imagenet`: the Inception network of 2015 that published scores are computed with.
    - `torchvision`: torchvision's Inception v3.

    The first two keep a tenth of the images, at most 10,000, from the classifier's training to measure its accuracy.

    Raises:
        NotApplicableError: the dataset has no such classes, or weights are not there.
    """
    if kind in ("imagenet", "torchvision"):
        return evaluation.once(("classifier", kind, settings.weights), lambda: _inception(evaluation, kind, settings))
    factor = "shape" if kind == "shapes" else settings.factor
    recipe = SHAPES if kind == "shapes" else Recipe("small", settings.epochs, learning_rate=0.001)
    return evaluation.once(("classifier", recipe, factor), lambda: _trained(evaluation, recipe, factor))


def _inception(evaluation: ModelEvaluation, kind: Kind, settings: ClassifierSettings) -> Classifier:
    network: InceptionNetwork | TorchvisionInception
    if kind == "imagenet":
        network = InceptionNetwork(published_weights(settings.weights))
    else:
        network = TorchvisionInception(torchvision_weights(settings.weights))
    network.to(evaluation.dataset.device)
    return Classifier(f"{kind} {settings.weights}", network.classes, None, network, batch_size=50)


def _trained(evaluation: ModelEvaluation, recipe: Recipe, factor: str | None) -> Classifier:
    classes = labelling(evaluation.dataset, factor)
    trained = trained_classifier(evaluation, recipe, classes)
    return Classifier(trained.key, classes.classes, trained.accuracy, trained.network, evaluation.batch_size)


def sample_outputs(evaluation: ModelEvaluation, classifier: Classifier, n: int) -> Outputs:
    """A classifier's outputs for the evaluation's first n samples, computed once for all metrics."""
    blocks = []
    for number, start in enumerate(range(0, n, evaluation.sample_block_size)):
        size = min(evaluation.sample_block_size, n - start)
        make = partial(_block_outputs, evaluation, classifier, number, size)
        blocks.append(evaluation.once(("outputs", classifier.key, number, size), make))
    return Outputs(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _block_outputs(evaluation: ModelEvaluation, classifier: Classifier, number: int, size: int) -> Outputs:
    return classifier.outputs(evaluation.sample_block(number)[:size])


def image_features(evaluation: ModelEvaluation, classifier: Classifier, indices: Indices) -> NDArray[np.float32]:
    """(n, D) features of the dataset's images at indices (n,), computed once for all metrics."""

    def make() -> NDArray[np.float32]:
        parts = np.array_split(indices, -(-len(indices) // evaluation.sample_block_size))
        return np.concatenate([classifier.outputs(evaluation.images(part)).features for part in parts])

    return evaluation.once(("features", classifier.key, indices.tobytes()), make)
