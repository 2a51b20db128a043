"""Mode collapse: the divergence of the classes of generated images from the uniform distribution."""

from math import inf
from typing import Literal

import numpy as np
from scipy.special import rel_entr

from harness import Field, Indices, ModelEvaluation, SampleMetric, Score
from harness_metrics.labelling import labelling
from harness_metrics.samples.classifiers import ClassifierSettings, classifier_of, sample_outputs


class ModeKL(SampleMetric):
    """KL(classes of the samples || uniform) in nats, from 0 to ln(classes); lower is better.

    A sample's class is the likeliest one by a classifier, one of those of the Inception score. 0 where every
    class is generated equally often, ln(classes) where only one is. The uniform distribution is what a
    balanced dataset has; `labels` in the details is the divergence of this dataset's own classes.
    """

    class Config(ClassifierSettings):
        classifier: Literal["dataset", "shapes"] = Field("dataset", description="who tells classes apart")

    source = "Lin et al. 2020, InfoGAN-CR and ModelCentrality, arXiv:1906.06034 (the authors' code)"
    needs = ("generate",)
    higher_is_better = False
    range = (0, inf)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The divergence, in nats.

        Details hold the shares of the classes among the samples (`histogram`), the divergence of the dataset's
        own classes (`labels`), the classifier's accuracy on images it was not trained on and the number of
        samples.

        Raises:
            NotApplicableError: the dataset has no classes.
        """
        classifier = classifier_of(evaluation, self.config.classifier, self.config)
        probabilities = sample_outputs(evaluation, classifier, self.config.samples).probabilities
        counts = np.bincount(probabilities.argmax(axis=1), minlength=classifier.classes)
        classes = labelling(evaluation.dataset, "shape" if self.config.classifier == "shapes" else self.config.factor)
        details = {
            "histogram": (counts / counts.sum()).tolist(),
            "labels": kl_to_uniform(np.bincount(classes.labels, minlength=classes.classes)),
            "classifier_accuracy": classifier.accuracy,
            "samples": len(probabilities),
        }
        return Score(kl_to_uniform(counts), details)


def kl_to_uniform(counts: Indices) -> float:
    """KL in nats of the distribution with these counts (K,) from the uniform one over K."""
    return float(rel_entr(counts / counts.sum(), 1 / len(counts)).sum())
