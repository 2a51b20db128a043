"""Unsupervised classification accuracy: how well a model's categories match the dataset's classes."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch.distributions import Distribution

from harness import (
    Categorical,
    Field,
    Indices,
    LabelledDataset,
    ModelEvaluation,
    NotApplicableError,
    SampleMetric,
    Score,
    Settings,
)
from harness_metrics.labelling import class_labels

Confusion = NDArray[np.int64]


class ClusterAccuracy(SampleMetric):
    """Unsupervised classification accuracy of a categorical code, in [0, 1].

    Each real image belongs to its most likely category. Categories are matched one to one with classes so
    that most images are right; images of a category without a class are wrong. Of several categorical parts
    the most accurate counts: labels decide what a category means, so they may decide which part means it.
    """

    class Config(Settings):
        part: str | None = Field(None, description="categorical part to score; null: the most accurate one")
        images: int = Field(10_000, gt=0, description="images to score on, drawn at random; all if there are fewer")

    source = "Chen et al. 2016, InfoGAN, arXiv:1606.03657, section 7.2"
    needs = ("posterior", "labels")
    range = (0, 1)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The accuracy of the best categorical part.

        Details hold the part's name, the matching as pairs (category, class), the confusion matrix
        (categories, classes) in images, and the accuracy of every categorical part.

        Raises:
            NotApplicableError: the model has no categorical part, or not the one asked for.
            UserError: the dataset's labels are none of its classes.
        """
        sizes = self._sizes(evaluation)
        dataset = evaluation.dataset
        assert isinstance(dataset, LabelledDataset), "`needs` names labels"
        n = min(self.config.images, len(dataset))
        index = evaluation.rng("cluster-accuracy").permutation(len(dataset))[:n]
        labels = class_labels(dataset, index)
        confusions = {
            name: confusion(categories, labels, (sizes[name], dataset.classes))
            for name, categories in _categories(evaluation, index, sizes).items()
        }
        matchings = {name: linear_sum_assignment(table, maximize=True) for name, table in confusions.items()}
        accuracies = {name: float(table[matchings[name]].sum() / n) for name, table in confusions.items()}
        best = max(accuracies, key=lambda name: accuracies[name])
        details = {
            "part": best,
            "matching": np.stack(matchings[best], axis=1).tolist(),
            "confusion_matrix": confusions[best].tolist(),
            "accuracies": accuracies,
        }
        return Score(accuracies[best], details)

    def _sizes(self, evaluation: ModelEvaluation) -> dict[str, int]:
        """The number of categories of each part to score, by the part's name."""
        space = evaluation.model.latents
        codes = {name: space.parts[name] for name in space.codes} if space else {}
        sizes = {name: part.size for name, part in codes.items() if isinstance(part, Categorical)}
        if not sizes:
            raise NotApplicableError("the model has no categorical code")
        if self.config.part is None:
            return sizes
        if self.config.part not in sizes:
            raise NotApplicableError(f"the model has no categorical code '{self.config.part}', only {', '.join(sizes)}")
        return {self.config.part: sizes[self.config.part]}


def confusion(categories: Indices, labels: Indices, shape: tuple[int, int]) -> Confusion:
    """Confusion matrix: the numbers of observations with each category (rows) and label (columns)."""
    table = np.zeros(shape, dtype=np.int64)
    np.add.at(table, (categories, labels), 1)
    return table


@torch.no_grad()
def _categories(evaluation: ModelEvaluation, index: Indices, sizes: dict[str, int]) -> dict[str, Indices]:
    """The most likely category (n,) of each image, for each part."""
    found: dict[str, list[Indices]] = {name: [] for name in sizes}
    for start in range(0, len(index), evaluation.batch_size):
        images = evaluation.images(index[start : start + evaluation.batch_size])
        posteriors = evaluation.posterior(images)
        for name, size in sizes.items():
            found[name].append(_most_likely(posteriors[name], size, images))
    return {name: np.concatenate(batches) for name, batches in found.items()}


def _most_likely(posterior: Distribution, size: int, images: torch.Tensor) -> Indices:
    """The most likely category (N,) of each of N images."""
    one_hot = torch.eye(size, device=images.device)
    # The contract of a posterior is its log_prob of one-hot rows, so each category is tried on every image.
    likelihoods = torch.stack([posterior.log_prob(row.expand(len(images), size)) for row in one_hot], dim=1)
    categories: Indices = likelihoods.argmax(dim=1).cpu().numpy()
    return categories
