"""The Inception score: are samples classified with certainty, and into all classes?"""

from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from harness import Field, ModelEvaluation, SampleMetric, Score
from harness_metrics.samples.classifiers import ClassifierSettings, classifier_of, missing_classifier, sample_outputs


class InceptionScore(SampleMetric):
    """Inception score of generated images: exp(E KL(p(y | x) || p(y))), from 1 to the number of classes.

    High where a classifier is sure of every sample and the samples show all classes alike; it sees neither
    variety within a class nor copies of training images. Scores by different classifiers do not compare:

    - `dataset`: a small network that the harness trains on the dataset's labels, or on one factor of a grid.
    - `shapes`: the network by which Lin et al. (2020) tell the shapes of dSprites apart; at most 3.
    - `imagenet`: the Inception network of the published scores; needs its weights, and
      `pip install '.[fid]'`.
    - `torchvision`: torchvision's Inception v3; needs its weights.

    p(y) is the mean over the samples of a chunk; the score is the mean over chunks. In one chunk of few samples
    it comes out too high, so numbers of samples must be alike to compare.
    """

    class Config(ClassifierSettings):
        classifier: Literal["dataset", "shapes", "imagenet", "torchvision"] = Field(
            "dataset", description="who tells classes apart"
        )
        splits: int | None = Field(
            None, gt=0, description="chunks that the samples are divided into; null: 10, and 1 for shapes (papers)"
        )

    source = "Salimans et al. 2016, Improved Techniques for Training GANs, arXiv:1606.03498, section 4"
    needs = ("generate",)
    range = (1, inf)

    config: Config

    def missing(self) -> str:
        """The network's weights, or what reads them, unless they are here."""
        return missing_classifier(self.config.classifier, self.config)

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The mean over chunks.

        Details hold its standard deviation over them (`std`), the mean probability of the likeliest class
        (`confidence`), the classifier's accuracy on images it was not trained on (null for Inception's) and the
        numbers of classes and samples.

        Raises:
            NotApplicableError: the dataset has no classes, or the weights are not there.
        """
        classifier = classifier_of(evaluation, self.config.classifier, self.config)
        probabilities = sample_outputs(evaluation, classifier, self.config.samples).probabilities
        splits = self.config.splits or (1 if self.config.classifier == "shapes" else 10)
        scores = inception_scores(probabilities, splits)
        details = {
            "std": float(scores.std()),
            "confidence": float(probabilities.max(axis=1).mean()),
            "classifier_accuracy": classifier.accuracy,
            "classes": classifier.classes,
            "samples": len(probabilities),
        }
        return Score(float(scores.mean()), details)


def inception_scores(probabilities: NDArray[np.float32], splits: int = 1) -> NDArray[np.float64]:
    """The score of each chunk, (splits,), of (N, classes) probabilities."""
    chunks = np.array_split(probabilities.astype(np.float64), min(splits, len(probabilities)))
    return np.array([np.exp(rel_entr(chunk, chunk.mean(axis=0)).sum(axis=1).mean()) for chunk in chunks])
