"""FID and KID: how far generated images are from real ones in the features of a network."""

from collections.abc import Callable
from math import inf
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness import Field, Indices, ModelEvaluation, SampleMetric, Score
from harness_metrics.samples.classifiers import (
    ClassifierSettings,
    classifier_of,
    image_features,
    missing_classifier,
    sample_outputs,
)
from harness_metrics.samples.distances import frechet_distance, squared_mmds

Features = NDArray[np.float32]
T = TypeVar("T")


class FeatureSettings(ClassifierSettings):
    """The network whose features are compared, and how many images are."""

    features: Literal["imagenet", "torchvision", "dataset"] = Field(
        "imagenet", description="whose features are compared"
    )
    images: int = Field(50_000, gt=1, description="real images, drawn at random; all if there are fewer")


def by_side(
    evaluation: ModelEvaluation, config: FeatureSettings, compare: Callable[[Features, Features], T]
) -> tuple[T, T | None]:
    """Compare samples with the training images and with the held-out ones; the second is None without any."""
    classifier = classifier_of(evaluation, config.features, config)
    samples = sample_outputs(evaluation, classifier, config.samples).features

    def to(side: Indices) -> T:
        chosen = evaluation.rng("real images").permutation(side)[: config.images]
        return compare(image_features(evaluation, classifier, chosen), samples)

    return to(evaluation.trained_on), to(evaluation.held_out) if len(evaluation.held_out) > 1 else None


class FrechetInceptionDistance(SampleMetric):
    """Fréchet distance of generated from real images in the features of a network (FID); lower is better.

    The squared 2-Wasserstein distance of two Gaussians: one fitted to the features of the samples, one to those
    of the training images. It is biased upwards, the more the fewer images there are, so numbers of images must
    be alike to compare; a generator that copies its training images does well.

    - `imagenet`: 2048 features of the Inception network of the published scores; needs its weights, and
      `pip install '.[fid]'`.
    - `torchvision`: 2048 features of torchvision's Inception v3; not to be compared with published FIDs.
    - `dataset`: 128 features of a small network that the harness trains on the dataset's labels, or on one factor
      of a grid. It needs no download, and its numbers are not to be compared with published FIDs.
    """

    class Config(FeatureSettings):
        """The network, and how many images are compared."""

    source = "Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule, arXiv:1706.08500, section 3"
    needs = ("generate",)
    higher_is_better = False
    range = (0, inf)

    config: Config

    def missing(self) -> str:
        """The network's weights, or what reads them, unless they are here."""
        return missing_classifier(self.config.features, self.config)

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The distance to the training images; details hold that to the held-out ones (null without), and numbers.

        The two do not compare with each other where there are fewer held-out images than training images: KID
        does.

        Raises:
            NotApplicableError: the dataset has no classes, or the weights are not there.
        """
        distance, held_out = by_side(evaluation, self.config, frechet_distance)
        return Score(distance, {"held_out": held_out, **numbers(evaluation, self.config)})


class KernelInceptionDistance(SampleMetric):
    """Kernel distance of generated from real images in the features of a network (KID); lower is better.

    The squared maximum mean discrepancy between the features of samples and of training images for the kernel
    (x·y / D + 1)³, averaged over random subsets. It is unbiased whatever the number of images, so it can be
    negative, and the distance to the held-out images compares with that to the training images: a generator that
    copies these is nearer to them. The features are those of FID; the same caution applies.
    """

    class Config(FeatureSettings):
        subsets: int = Field(100, gt=0, description="random subsets, of samples and of real images")
        subset_size: int = Field(1000, gt=1, description="images in each; all of the smaller side if there are fewer")

    source = "Bińkowski et al. 2018, Demystifying MMD GANs, arXiv:1801.01401, section 4"
    needs = ("generate",)
    higher_is_better = False

    config: Config

    def missing(self) -> str:
        """The network's weights, or what reads them, unless they are here."""
        return missing_classifier(self.config.features, self.config)

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The mean over subsets of the distance to the training images.

        Details hold its standard deviation over subsets (`std`), the same for held-out images (`held_out` and
        `held_out_std`, null without), and numbers.

        Raises:
            NotApplicableError: the dataset has no classes, or the weights are not there.
        """

        def distances(real: Features, samples: Features) -> NDArray[np.float64]:
            size = min(self.config.subset_size, len(real), len(samples))
            return np.array([*squared_mmds(real, samples, self.config.subsets, size, evaluation.rng("kid"))])

        training, held_out = by_side(evaluation, self.config, distances)
        details = {
            "std": float(training.std()),
            "held_out": None if held_out is None else float(held_out.mean()),
            "held_out_std": None if held_out is None else float(held_out.std()),
        }
        return Score(float(training.mean()), {**details, **numbers(evaluation, self.config)})


def numbers(evaluation: ModelEvaluation, config: FeatureSettings) -> dict[str, int]:
    """The numbers of images that were compared, as details of a score."""
    return {"samples": config.samples, "images": min(config.images, len(evaluation.trained_on))}
