"""Downstream accuracy: how well are factors learnt from the codes of few or of many observations?"""

from typing import Annotated, Literal

import numpy as np

from harness import Codes, Evaluation, Field, Indices, Metric, NotApplicableError, Score, Settings
from harness_metrics.codes.boosting import GradientBoosting
from harness_metrics.codes.estimators import single_precision
from harness_metrics.codes.logistic import fit_logistic_cv
from harness_metrics.codes.protocols import TEST_POINTS


class DownstreamAccuracy(Metric):
    """Downstream accuracy, in [0, 1], by disentanglement_lib's protocol; chance is the share of the commonest level.

    A classifier learns each factor from all codes of 10, 100, 1,000 and 10,000 observations and predicts it for 5,000
    others. The score is the mean accuracy over factors after learning from the most; the details hold all others.
    With boosting that is the informativeness of `dci`.

    Each training sample is the beginning of the largest one. Levels that it lacks are never predicted. A dead code
    tells nothing and changes nothing. A factor with one level is left out.
    """

    class Config(Settings):
        predictor: Literal["boosting", "logistic"] = Field(
            "boosting",
            description="boosting: gradient-boosted trees as in dci; logistic: multinomial logistic regression on the "
            "raw codes, its strength chosen by cross-validation",
        )
        sizes: tuple[Annotated[int, Field(gt=0)], ...] = Field(
            (10, 100, 1_000, 10_000), min_length=1, description="numbers of observations to learn from"
        )

    source = "Locatello et al. 2019, Challenging Common Assumptions in Unsupervised Learning, arXiv:1811.12359"
    range = (0, 1)

    config: Config

    def score(self, evaluation: Evaluation) -> Score:
        """The mean accuracy after learning from the most observations.

        Details hold, for each size (as text), mean and smallest accuracy on the training and on the test observations,
        and the accuracies for each factor that varies.

        Raises:
            NotApplicableError: no factor takes more than one level.
        """
        largest = max(self.config.sizes)
        train, test = evaluation.sample("train", largest), evaluation.sample("test", TEST_POINTS)
        codes, test_codes = single_precision(evaluation.codes(train), evaluation.codes(test))
        factors, test_factors = evaluation.grid().ids(train), evaluation.grid().ids(test)
        varying = np.flatnonzero(factors.min(axis=0) < factors.max(axis=0))
        if not len(varying):
            raise NotApplicableError("no factor takes more than one level")
        details = {}
        for size in self.config.sizes:
            accuracies = [
                self._accuracies(
                    (codes[:size], factors[:size, factor]),
                    (test_codes, test_factors[:, factor]),
                    evaluation.rng("downstream", size, int(factor)),
                )
                for factor in varying
            ]
            on_train, on_test = np.transpose(accuracies)
            details[str(size)] = {
                "mean_train_accuracy": float(on_train.mean()),
                "mean_test_accuracy": float(on_test.mean()),
                "min_train_accuracy": float(on_train.min()),
                "min_test_accuracy": float(on_test.min()),
                "train_accuracy_per_factor": on_train.tolist(),
                "test_accuracy_per_factor": on_test.tolist(),
            }
        return Score(details[str(largest)]["mean_test_accuracy"], details)

    def _accuracies(
        self, train: tuple[Codes, Indices], test: tuple[Codes, Indices], rng: np.random.Generator
    ) -> tuple[float, float]:
        """Accuracy on the training and on the test observations after learning levels (n,) from codes (n, D)."""
        if self.config.predictor == "logistic":
            classifier = fit_logistic_cv(*train)
        else:
            classifier = GradientBoosting.fit(*train, rng)
        on_train, on_test = (np.mean(classifier.predict(codes) == levels) for codes, levels in (train, test))
        return float(on_train), float(on_test)
