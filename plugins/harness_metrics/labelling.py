"""The class of every image of a dataset: its label, or its level of one factor."""

from dataclasses import dataclass

import numpy as np
import torch

from harness import Dataset, FactorGrid, GroundTruthDataset, Indices, LabelledDataset, NotApplicableError, UserError


@dataclass(frozen=True)
class Labelling:
    """A class for every image of a dataset.

    Attributes:
        name: the factor's name, or "labels".
        classes: number of classes.
        labels: (images,) class of each image, int64.
    """

    name: str
    classes: int
    labels: Indices


def labelling(dataset: Dataset, factor: str | None = None) -> Labelling:
    """The classes of a dataset's images.

    Args:
        dataset: loaded.
        factor: the factor that is the class; None for the labels or, of a grid of factors, the first
            categorical factor with several levels.

    Raises:
        NotApplicableError: the dataset has no such classes.
        UserError: its labels are none of its classes.
    """
    indices = np.arange(len(dataset))
    if isinstance(dataset, GroundTruthDataset) and (factor is not None or not isinstance(dataset, LabelledDataset)):
        chosen = _factor(dataset.factors, factor)
        name = dataset.factors.names[chosen]
        return Labelling(name, int(dataset.factors.sizes[chosen]), dataset.factors.ids(indices)[:, chosen])
    if factor is not None:
        raise NotApplicableError(f"the dataset has no factor '{factor}'")
    if not isinstance(dataset, LabelledDataset):
        raise NotApplicableError("the dataset has neither labels nor factors to tell classes by")
    return Labelling("labels", dataset.classes, class_labels(dataset, indices))


def class_labels(dataset: LabelledDataset, indices: Indices) -> Indices:
    """The label (n,) of each of the dataset's images at indices (n,).

    Raises:
        UserError: the dataset gives something else than one of its classes for each image.
    """
    labels: Indices = dataset.labels(torch.from_numpy(indices).to(dataset.device)).cpu().numpy()
    name = type(dataset).__name__
    if labels.shape != indices.shape:
        raise UserError(f"{name}.labels gives an array of shape {labels.shape}, not {indices.shape}")
    if labels.dtype.kind not in "iu":
        raise UserError(f"{name}.labels gives {labels.dtype}, not whole numbers")
    if len(labels) and not 0 <= labels.min() <= labels.max() < dataset.classes:
        raise UserError(
            f"{name}.labels gives labels from {labels.min()} to {labels.max()}, not from 0 to {dataset.classes - 1}"
        )
    return labels


def _factor(factors: FactorGrid, name: str | None) -> int:
    """The number of the factor with this name; without a name, of the first categorical one with several levels."""
    names = list(factors.names)
    if name is None:
        categorical = np.flatnonzero(np.asarray(factors.categorical) & (np.asarray(factors.sizes) > 1))
        if len(categorical) == 0:
            raise NotApplicableError(f"no factor is categorical; set 'factor' to one of {', '.join(names)}")
        return int(categorical[0])
    if name not in names:
        raise NotApplicableError(f"the dataset has no factor '{name}', only {', '.join(names)}")
    return names.index(name)
