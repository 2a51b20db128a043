"""Which class every image of a dataset belongs to: its label, or its level of one factor."""

from dataclasses import dataclass

import numpy as np
import torch

from harness import Dataset, FactorGrid, GroundTruthDataset, Indices, LabelledDataset, NotApplicableError


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
    labels = dataset.labels(torch.from_numpy(indices).to(dataset.device))
    return Labelling("labels", dataset.classes, labels.cpu().numpy())


def _factor(factors: FactorGrid, name: str | None) -> int:
    """The number of the factor."""
    names = list(factors.names)
    if name is None:
        categorical = np.flatnonzero(np.asarray(factors.categorical) & (np.asarray(factors.sizes) > 1))
        if len(categorical) == 0:
            raise NotApplicableError(f"no factor is categorical; set 'factor' to one of {', '.join(names)}")
        return int(categorical[0])
    if name not in names:
        raise NotApplicableError(f"the dataset has no factor '{name}', only {', '.join(names)}")
    return names.index(name)
