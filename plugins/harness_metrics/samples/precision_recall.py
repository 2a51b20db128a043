"""Precision and recall, density and coverage: fidelity and variety of samples, told apart by nearest neighbours."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_chunked

from harness import Field, Floats, ModelEvaluation, NotApplicableError, SampleMetric, Score
from harness_metrics.samples.feature_distances import Features, FeatureSettings, by_side, numbers


class NeighbourSettings(FeatureSettings):
    """The network whose features are compared, how many images are, and how many neighbours count."""

    neighbours: int = Field(3, gt=0, description="the ball around an image reaches to its neighbour of this number")


class WiderNeighbourSettings(NeighbourSettings):
    """The same settings with as many neighbours as Naeem et al. (2020) take."""

    neighbours: int = Field(5, gt=0, description="the ball around an image reaches to its neighbour of this number")


class Overlap(NamedTuple):
    """The four scores of how far real images and samples overlap; see the metrics of these names."""

    precision: float
    recall: float
    density: float
    coverage: float


class Precision(SampleMetric):
    """Improved precision, in [0, 1]: the share of samples that look like real images.

    Those that lie, in the features of a network, in a ball around a real image which reaches to that image's third
    nearest real one. Copies of training images are precise, and so is a single good sample. Numbers of images must be
    alike to compare. Features and images are those of `fid`; the published ones are of VGG-16.
    """

    class Config(NeighbourSettings):
        """The network, the images and how many neighbours count."""

    source = "Kynkäänniemi et al. 2019, Improved Precision and Recall Metric for Generative Models, arXiv:1904.06991"
    range = (0, 1)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """Precision against the training images; details hold that against the held-out ones, and numbers.

        Raises:
            NotApplicableError: the dataset has no classes, the weights are not there, or there are too few images.
        """
        return _score(evaluation, self.config, "precision")


class Recall(SampleMetric):
    """Improved recall, in [0, 1]: the share of real images that samples look like.

    Those that lie, in the features of a network, in a ball around a sample which reaches to that sample's third
    nearest other one. Far samples have large balls, so noise around all images raises recall: `coverage` does
    without. The caution of `precision` applies.
    """

    class Config(NeighbourSettings):
        """The network, the images and how many neighbours count."""

    source = Precision.source
    range = (0, 1)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """Recall of the training images; details hold that of the held-out ones, and numbers.

        Raises:
            NotApplicableError: see `Precision`.
        """
        return _score(evaluation, self.config, "recall")


class Density(SampleMetric):
    """Density, at least 0, about 1 for samples drawn as the real images are: precision that one outlier cannot raise.

    The mean over samples of how many balls around real images they lie in, each reaching to the image's fifth nearest
    real one, over 5. Above 1 where samples crowd at real images. The caution of `precision` applies.
    """

    class Config(WiderNeighbourSettings):
        """The network, the images and how many neighbours count."""

    source = "Naeem et al. 2020, Reliable Fidelity and Diversity Metrics for Generative Models, arXiv:2002.09797"
    range = (0, np.inf)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """Density among the training images; details hold that among the held-out ones, and numbers.

        Raises:
            NotApplicableError: see `Precision`.
        """
        return _score(evaluation, self.config, "density")


class Coverage(SampleMetric):
    """Coverage, in [0, 1]: the share of real images that have a sample near them.

    In a ball around the image, in the features of a network, which reaches to its fifth nearest real one; so outliers
    among the samples cover nothing. The caution of `precision` applies.
    """

    class Config(WiderNeighbourSettings):
        """The network, the images and how many neighbours count."""

    source = Density.source
    range = (0, 1)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """Coverage of the training images; details hold that of the held-out ones, and numbers.

        Raises:
            NotApplicableError: see `Precision`.
        """
        return _score(evaluation, self.config, "coverage")


def _score(evaluation: ModelEvaluation, config: NeighbourSettings, name: str) -> Score:
    def compare(real: Features, samples: Features) -> Overlap | None:
        if min(len(real), len(samples)) <= config.neighbours:
            return None
        return overlap(real, samples, config.neighbours)

    # With one set of settings, the four metrics read the same comparison.
    key = ("overlap", config.model_dump_json())
    training, held_out = evaluation.once(key, lambda: by_side(evaluation, config, compare))
    if training is None:
        raise NotApplicableError(f"{config.neighbours} neighbours are not to be had among so few images")
    details = {"held_out": getattr(held_out, name, None), **numbers(evaluation, config)}
    return Score(getattr(training, name), details)


def overlap(real: Features, samples: Features, neighbours: int) -> Overlap:
    """Precision, recall, density and coverage of samples (m, D) and real images (n, D), both more than `neighbours`.

    A ball holds its surface.
    """
    real_radii, sample_radii = radii(real, neighbours), radii(samples, neighbours)
    balls = np.zeros(len(samples), dtype=np.int64)
    covered, recalled = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    start = 0
    for distances in pairwise_distances_chunked(real, samples):
        part = slice(start, start := start + len(distances))
        inside = distances <= real_radii[part, None]
        balls += inside.sum(axis=0)
        covered[part] = inside.any(axis=1)
        recalled[part] = (distances <= sample_radii).any(axis=1)
    return Overlap(
        precision=float((balls > 0).mean()),
        recall=float(recalled.mean()),
        density=float(balls.mean() / neighbours),
        coverage=float(covered.mean()),
    )


def radii(features: Features, neighbours: int) -> NDArray[np.floating] | Floats:
    """The distance (n,) of each vector (n, D) to its nearest other one of this number."""

    def reduce(distances: Floats, start: int) -> Floats:
        # The nearest of all is the vector itself.
        found: Floats = np.partition(distances, neighbours, axis=1)[:, neighbours]
        return found

    return np.concatenate(list(pairwise_distances_chunked(features, reduce_func=reduce)))
