"""The contract of a dataset: images gathered by index on the device where the model trains."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from harness.config import Settings
from harness.errors import NotApplicableError
from harness.factors import FactorGrid, Indices
from harness.model import ImageSpec
from harness.pairs import Pairs

if TYPE_CHECKING:
    from harness.data.files import DataFile
    from harness.data.training_images import TrainingImages


class Dataset:
    """Base class of every dataset.

    Constructing one must be cheap and touch no data: a suite is checked on machines that do not have
    the files. `load` brings the data to a device, once, and `images` gathers from there.

    Attributes:
        config: the resolved settings.
        image: the shape of one image.
        device: where the data lies after `load`.
    """

    class Config(Settings):
        """Overridden by a subclass that has settings."""

    source: ClassVar[str] = ""
    """Where the data comes from: a paper, a library or the file its authors publish."""

    image: ImageSpec

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.device = torch.device("cpu")

    def load(self, device: torch.device | str = "cpu") -> None:
        """Bring the data to a device.

        Raises:
            UserError: the files are missing or broken; the message says how to get them.
        """
        self.device = torch.device(device)

    def data_files(self) -> Sequence[Path]:
        """The files that the images are read from; none where images are drawn or come with a package.

        What they hold is part of a trial's identity: other pictures under the same names are other data. Asked
        before `load`, and again by every worker.

        Raises:
            UserError: one is missing; the message says how to get it.
        """
        return ()

    @classmethod
    def published_files(cls) -> "Sequence[DataFile]":
        """The files that its authors publish, whatever the settings; none where images are drawn or one's own.

        `harness data` tells of them, checks them and asks their addresses.
        """
        return ()

    def memory(self) -> int | None:
        """Bytes that the images take on the device; None where it is not known (before `load`, only the files tell)."""
        return None

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must know its number of images")

    def images(self, indices: Tensor) -> Tensor:
        """Images (N, C, H, W), float32 in [0, 1], at int64 indices (N,), both on `device`."""
        raise NotImplementedError(f"{type(self).__name__} must give its images")

    def partners(self, indices: Indices, pairs: Pairs, rng: np.random.Generator) -> Indices:
        """Draw a partner for each image at indices (N,): the indices (N,) of images that share something with it.

        Asked of a loaded dataset, an epoch at a time, and again for images whose partners are not trained on.

        Raises:
            NotApplicableError: the dataset knows of no images that belong together.
        """
        raise NotApplicableError("the dataset has no factors that pairs of images could share")

    @classmethod
    def has_partners(cls) -> bool:
        """Whether `partners` is overridden, so that models can learn from pairs."""
        return cls.partners is not Dataset.partners


class LabelledDataset(Dataset):
    """A dataset with one class label per image."""

    classes: int
    """Number of classes."""

    def labels(self, indices: Tensor) -> Tensor:
        """int64 (N,) class of each image at int64 indices (N,), both on `device`."""
        raise NotImplementedError(f"{type(self).__name__} must give its labels")


class GroundTruthDataset(Dataset):
    """A dataset with known factors, as a rule a complete grid of them; image i shows point i of `factors`."""

    factors: FactorGrid

    fixed: Mapping[str, Indices] = MappingProxyType({})
    """Index arrays that replace random draws of an `Evaluation`, by name: `group_index` (groups, size) and
    `group_label` (groups,) are groups of images that share one factor. They may name images beyond `len`, which
    `images` gives too: those are for metrics and never trained on. Known after `load`."""

    training_images: "TrainingImages | None" = None
    """Which images are trained on, and how often; set where a suite has `[dataset.training]`. None: all, alike."""

    def __len__(self) -> int:
        return len(self.factors)

    def partners(self, indices: Indices, pairs: Pairs, rng: np.random.Generator) -> Indices:
        """Draw a partner for each image at indices (N,): an image of the levels that `pairs` draws.

        Raises:
            NotApplicableError: there is no image of these levels, because the factors are no complete grid.
        """
        return self.factors.indices(pairs.partners(self.factors, self.factors.ids(indices), rng))
