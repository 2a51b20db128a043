"""What every dataset must do."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.config import Settings, parse
from harness.data.checks import image_problem, label_problem
from harness.dataset import Dataset, GroundTruthDataset, LabelledDataset
from harness.errors import NotApplicableError, in_a_line
from harness.pairs import ResampledFactors
from harness.seeds import numpy_rng
from harness.testing.check import advise, require, require_words, unmoved
from harness.testing.fake_cuda_graph import FakeCudaCapture

_AWAY = "a GPU trains on it more slowly; keep what `images` needs in tensors on `self.device`, and index them"


@dataclass(frozen=True)
class DatasetSubject:
    """A dataset class with settings."""

    dataset_class: type[Dataset]
    config: Settings

    @classmethod
    def of(cls, dataset_class: type[Dataset], settings: Mapping[str, object]) -> "DatasetSubject":
        """A subject.

        Raises:
            UserError: a setting is wrong.
        """
        return cls(dataset_class, parse(dataset_class.Config, settings, dataset_class.__name__))

    def loaded(self) -> Dataset:
        """The dataset, loaded anew.

        Raises:
            UserError: its files are missing.
        """
        dataset = self.dataset_class(self.config)
        unmoved(dataset.load)
        return dataset

    def some(self, dataset: Dataset) -> Tensor:
        """Choose up to 40 indices spread over the whole dataset, one of them twice."""
        spread = torch.linspace(0, len(dataset) - 1, min(40, len(dataset))).long()
        return torch.cat([spread, spread[:1]])


def says_what_it_is(subject: DatasetSubject) -> None:
    """The class and its settings are described."""
    require_words(subject.dataset_class, subject.dataset_class.Config)


def knows_its_images_before_loading(subject: DatasetSubject) -> None:
    """The image's shape is known before anything is loaded."""
    dataset = subject.dataset_class(subject.config)
    require(hasattr(dataset, "image"), "set `self.image = ImageSpec(channels, height, width)` in __init__")


def gives_images(subject: DatasetSubject) -> None:
    """Images are float32 in [0, 1] of the declared shape."""
    dataset = subject.loaded()
    require(len(dataset) > 0, "return the number of images from `__len__`; it is 0")
    indices = subject.some(dataset)
    images = unmoved(dataset.images, indices)
    problem = image_problem(dataset, images, len(indices))
    require(not problem, f"`images` gives {problem}")


def an_index_means_an_image(subject: DatasetSubject) -> None:
    """An index gives the same image in any batch, and after loading again."""
    dataset = subject.loaded()
    indices = subject.some(dataset)
    together = dataset.images(indices)
    backwards = dataset.images(indices.flip(0)).flip(0)
    alone = torch.cat([dataset.images(index) for index in torch.split(indices, 1)])
    require(torch.equal(together, backwards) and torch.equal(together, alone), "let an image depend on its index alone")
    again = subject.loaded().images(indices)
    require(torch.equal(together, again), "loading again gives other images: seed what is random by a setting")


def is_gathered_on_the_device(subject: DatasetSubject) -> None:
    """Images are gathered by operations of the device alone, so that a CUDA graph can hold them."""
    dataset = subject.loaded()
    indices = subject.some(dataset)
    place = indices.clone()
    try:
        gather = FakeCudaCapture()(lambda: dataset.images(place), [])
    except Exception as error:  # Whatever a dataset does beside.
        advise(f"`images` cannot be recorded as a CUDA graph: {in_a_line(error)}: {_AWAY}")
        return
    place.copy_(indices.flip(0))
    if not torch.equal(gather(), dataset.images(place)):
        advise(f"`images` leaves torch on its way, perhaps for numpy: {_AWAY}")


def labels_are_classes(subject: DatasetSubject) -> None:
    """Labels, where there are any, are classes below the declared number."""
    dataset = subject.loaded()
    if not isinstance(dataset, LabelledDataset):
        return
    indices = torch.arange(len(dataset))
    problem = label_problem(dataset, unmoved(dataset.labels, indices), len(indices))
    require(not problem, f"`labels` gives {problem}")


def factors_number_the_images(subject: DatasetSubject) -> None:
    """Factors, where there are any, give each image its levels, and levels an image that has them."""
    dataset = subject.loaded()
    if not isinstance(dataset, GroundTruthDataset):
        return
    factors = dataset.factors
    count = len(factors.names)
    require(len(factors.sizes) == count, f"name each factor: {count} names, {len(factors.sizes)} sizes")
    require(len(dataset) == len(factors), f"the factors number {len(factors)} images, the dataset has {len(dataset)}")
    indices = subject.some(dataset).numpy()
    levels = factors.ids(indices)
    expected = (len(indices), count)
    require(levels.shape == expected, f"return {expected} levels from the factors' `ids`, not {levels.shape}")
    inside = bool(((levels >= 0) & (levels < np.asarray(factors.sizes))).all())
    require(inside, "return levels from 0 to each factor's size - 1 from the factors' `ids`")
    # Of several images with the same levels any may stand for them, and the product of the sizes may be larger than
    # the number of images: what must agree are the levels.
    again = factors.indices(levels)
    known = bool(((again >= 0) & (again < len(dataset))).all())
    require(known and np.array_equal(factors.ids(again), levels), "the factors' `indices` do not undo their `ids`")


def partners_are_images(subject: DatasetSubject) -> None:
    """Partners, where there are any, are images of the dataset that follow from the generator."""
    dataset = subject.loaded()
    if not dataset.has_partners():
        return
    indices = subject.some(dataset).numpy()
    try:
        drawn = [
            unmoved(dataset.partners, indices, ResampledFactors(), numpy_rng("partners", seed)) for seed in (0, 0, 1)
        ]
    except NotApplicableError:  # Of factors that are no complete grid.
        return
    require(
        all(partners.shape == indices.shape and partners.dtype == np.int64 for partners in drawn),
        f"return a partner for each image from `partners`, int64 {indices.shape}",
    )
    inside = all(bool(((partners >= 0) & (partners < len(dataset))).all()) for partners in drawn)
    require(inside, f"return partners from 0 to {len(dataset) - 1}, indices of the dataset's images")
    require(np.array_equal(drawn[0], drawn[1]), "draw partners from the generator that `partners` is given")


DATASET_CHECKS = (
    says_what_it_is,
    knows_its_images_before_loading,
    gives_images,
    an_index_means_an_image,
    is_gathered_on_the_device,
    labels_are_classes,
    factors_number_the_images,
    partners_are_images,
)
