"""Recognition of factors in generated samples: a sample shows what its nearest image of the dataset shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness import (
    Dataset,
    GroundTruthDataset,
    Indices,
    LabelledDataset,
    NotApplicableError,
    UserError,
    nearest,
    numpy_rng,
)
from harness.pictures import TrainedModel

SEARCHED = 20_000
"""Images of the dataset that a sample is compared with; all of them if there are no more."""

CHUNK = 1000
POOL = 1024
"""Samples among which exemplars are looked for."""


@dataclass(frozen=True)
class Concept:
    """Levels of some factors at once, such as shape 2 at scale 0; a label is a factor of the name "label"."""

    levels: Mapping[int, int]
    """Level of each factor, by the factor's number."""
    text: str

    def holds(self, levels: Indices) -> NDArray[np.bool_]:
        """Whether each of n observations with levels (n, F) shows the concept, bool (n,)."""
        holds: NDArray[np.bool_] = np.all([levels[:, factor] == level for factor, level in self.levels.items()], axis=0)
        return holds


def factor_sizes(dataset: Dataset) -> dict[str, int]:
    """The names of the dataset's factors, or "label", and how many levels each has.

    Raises:
        NotApplicableError: it has neither.
    """
    if isinstance(dataset, GroundTruthDataset):
        return dict(zip(dataset.factors.names, dataset.factors.sizes, strict=True))
    if isinstance(dataset, LabelledDataset):
        return {"label": dataset.classes}
    raise NotApplicableError("the dataset has neither ground-truth factors nor labels; name samples by their numbers")


def parse_concept(text: str, dataset: Dataset) -> Concept:
    """Read "shape=2" or "shape=2,scale=0": levels are numbered from 0.

    Raises:
        UserError: it cannot be read, or there is no such factor or level.
    """
    sizes = factor_sizes(dataset)
    levels = {}
    for item in text.split(","):
        name, _, level = (piece.strip() for piece in item.partition("="))
        if name not in sizes:
            raise UserError(f"'{text}': there is no factor '{name}'; {nearest(name, sizes)}")
        if not level.isdecimal() or int(level) >= sizes[name]:
            raise UserError(f"'{text}': the levels of {name} are 0 to {sizes[name] - 1}, such as {name}=0")
        levels[list(sizes).index(name)] = int(level)
    return Concept(levels, text)


def recognise(dataset: Dataset, images: Tensor) -> tuple[Indices, NDArray[np.float32]]:
    """Recognise the levels of all factors in images (n, C, H, W) by the nearest image of a loaded dataset.

    The nearest one is that with the smallest Euclidean distance over all pixels, among 20,000 chosen at random.

    Returns:
        The levels (n, F) of every factor, and the distance (n,) to that image.
    """
    known = np.arange(len(dataset))
    if len(known) > SEARCHED:
        known = np.sort(numpy_rng("recognition").choice(known, SEARCHED, replace=False))
    wanted = images.flatten(1)
    distance = torch.full((len(images),), torch.inf, device=images.device)
    nearest = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    for chunk in torch.split(torch.from_numpy(known).to(dataset.device), CHUNK):
        in_chunk = torch.cdist(wanted, dataset.images(chunk).flatten(1)).min(dim=1)
        closer = in_chunk.values < distance
        distance = torch.where(closer, in_chunk.values, distance)
        nearest = torch.where(closer, chunk[in_chunk.indices], nearest)
    return _levels(dataset, nearest), distance.cpu().numpy()


def _levels(dataset: Dataset, indices: Tensor) -> Indices:
    if isinstance(dataset, GroundTruthDataset):
        return dataset.factors.ids(indices.cpu().numpy())
    assert isinstance(dataset, LabelledDataset)
    return dataset.labels(indices).cpu().numpy()[:, None]


def exemplars(trained: TrainedModel, concept: Concept, count: int, seed: int) -> list[int]:
    """Numbers of the samples that show a concept best: those nearest to an image of the dataset that shows it.

    Raises:
        UserError: too few of 1,024 samples show it.
    """
    levels, distance = recognise(trained.dataset, trained.generate(trained.sample_latents(range(POOL), seed)))
    showing = np.flatnonzero(concept.holds(levels))
    if len(showing) < count:
        raise UserError(f"{concept.text}: {len(showing)} of {POOL:,} samples show it, {count} are needed")
    best: Sequence[int] = showing[distance[showing].argsort(kind="stable")][:count].tolist()
    return list(best)
