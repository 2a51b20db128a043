"""What a dataset promises of its images and labels, and whether it keeps that."""

from typing import TypeGuard

import torch
from torch import Tensor

from harness.data.images import StoredImages
from harness.dataset import Dataset, GroundTruthDataset, LabelledDataset
from harness.errors import ContractError, in_a_line
from harness.model import ImageSpec

LABELS = 100_000
"""So many labels are asked for at once."""


def check_batch(dataset: Dataset, indices: Tensor, name: str) -> None:
    """Check one batch of a loaded dataset: its images and, where it has them, its labels.

    Args:
        dataset: loaded.
        indices: int64 (N,), on its device.
        name: of the dataset, for the message.

    Raises:
        ContractError: it gives something else than it promises.
    """
    check_declared(dataset, name)
    images = asked(dataset, "images", indices, name)
    if problem := image_problem(dataset, images, len(indices)):
        raise ContractError(f"dataset {name}: `images` gives {problem}")
    if not torch.equal(images, dataset.images(indices)):
        raise ContractError(
            f"dataset {name}: `images` gives other numbers when it is asked for the same images again; draw what is "
            "random once, in `load`, from a seed"
        )
    if isinstance(dataset, LabelledDataset):
        _check_labels(dataset, indices, name)


def check_all_labels(dataset: Dataset, name: str) -> None:
    """Check every label of a loaded dataset, if it has labels.

    Raises:
        ContractError: one is something else than the dataset promises.
    """
    if isinstance(dataset, LabelledDataset):
        for part in torch.split(torch.arange(len(dataset), device=dataset.device), LABELS):
            _check_labels(dataset, part, name)


def _check_labels(dataset: LabelledDataset, indices: Tensor, name: str) -> None:
    labels = asked(dataset, "labels", indices, name)
    if not (problem := label_problem(dataset, labels, len(indices))):
        return
    where = ""
    if _is(labels, (len(indices),), torch.int64, dataset.device):
        first = int(((labels < 0) | (labels >= dataset.classes)).nonzero()[0])
        where = f", the first at index {int(indices[first])}"
    raise ContractError(f"dataset {name}: `labels` gives {problem}{where}")


def check_images(dataset: Dataset, indices: Tensor, images: Tensor) -> None:
    """Check images (N, C, H, W) that a loaded dataset has given at int64 indices (N,); waits for the device.

    Raises:
        ContractError: they are not what it promises.
    """
    watch = ImageWatch(dataset, type(dataset).__name__, len(indices))
    watch.see(indices, images)
    watch.check()


class ImageWatch:
    """Notices images that are not what their dataset promises in whichever batch they come.

    Numbers are looked at on the device, without waiting for it; what is wrong is told by the next `check`. Images that
    are kept as bytes need no watch.

    Args:
        dataset: loaded.
        name: of the dataset, for the message.
        count: images in a batch.
    """

    def __init__(self, dataset: Dataset, name: str, count: int) -> None:
        self._dataset = dataset
        self._name = name
        self._trusted = type(dataset).images is StoredImages.images
        self._wrong = torch.zeros((), dtype=torch.bool, device=dataset.device)
        self._suspects = torch.zeros(count, dtype=torch.int64, device=dataset.device)

    def see(self, indices: Tensor, images: Tensor) -> None:
        """Look at a batch: at int64 indices (N,), images (N, C, H, W).

        Raises:
            ContractError: it is no such tensor.
        """
        if self._trusted or not len(indices):
            return
        spec = self._dataset.image
        shape = (len(indices), spec.channels, spec.height, spec.width)
        if not _is(images, shape, torch.float32, self._dataset.device):
            raise self._error(indices)
        low, high = images.aminmax()
        # In place, so that a CUDA graph does it again. NaN is neither.
        self._suspects.copy_(torch.where(self._wrong, self._suspects, indices))
        self._wrong.logical_or_(~((low >= 0) & (high <= 1)))

    def check(self) -> None:
        """Tell of images that have been seen.

        Raises:
            ContractError: some were not in [0, 1], or no numbers.
        """
        if not self._trusted and self._wrong:
            raise self._error(self._suspects)

    def _error(self, indices: Tensor) -> ContractError:
        """What to tell of a batch, by its first image that is wrong by itself, if there is one."""
        problems = ((int(i), image_problem(self._dataset, self._dataset.images(i), 1)) for i in torch.split(indices, 1))
        if found := next(((index, problem) for index, problem in problems if problem), None):
            return ContractError(f"dataset {self._name}: `images` gives at index {found[0]} {found[1]}")
        problem = image_problem(self._dataset, self._dataset.images(indices), len(indices))
        problem = problem or "other numbers when it is asked for the same images again"
        return ContractError(f"dataset {self._name}: `images` gives {problem}")


def asked(dataset: Dataset, what: str, indices: Tensor, name: str) -> Tensor:
    """A dataset's "images" or "labels" at int64 indices (N,).

    Raises:
        ContractError: it has nothing there.
    """
    try:
        found: Tensor = getattr(dataset, what)(indices)
    except LookupError as error:
        which = f"{int(indices.min())} to {int(indices.max())}"
        raise ContractError(
            f"dataset {name}: `{what}` raises {in_a_line(error)}, for indices from {which}; there are to be "
            f"{len(dataset)}, as `__len__` says"
        ) from error
    return found


def check_declared(dataset: Dataset, name: str) -> None:
    """Check what a loaded dataset says of itself.

    Raises:
        ContractError: it contradicts itself or says nothing.
    """
    if problem := declaration_problem(dataset):
        raise ContractError(f"dataset {name}: {problem}")


def check_image_spec(dataset: Dataset, name: str) -> None:
    """Check what a dataset that need not be loaded says of the shape of its images.

    Raises:
        ContractError: it says nothing, or something else.
    """
    if problem := _spec_problem(dataset):
        raise ContractError(f"dataset {name}: {problem}")


def _spec_problem(dataset: Dataset) -> str:
    spec = getattr(dataset, "image", None)
    if isinstance(spec, ImageSpec) and all(_is_whole(size) and size > 0 for size in vars(spec).values()):
        return ""
    return f"`image` is {spec!r:.80}, not an ImageSpec(channels, height, width) of positive numbers"


def declaration_problem(dataset: Dataset) -> str:
    """What is wrong with what a loaded dataset says of itself; "" if all is well."""
    if problem := _spec_problem(dataset):
        return problem
    try:
        count = len(dataset)
    except TypeError:
        return "`__len__` gives no number of images"
    if isinstance(dataset, GroundTruthDataset) and count != len(dataset.factors):
        return f"`__len__` gives {count} images, and `factors` are those of {len(dataset.factors)}"
    classes = getattr(dataset, "classes", None)
    if isinstance(dataset, LabelledDataset) and not (_is_whole(classes) and classes > 0):
        return f"`classes` is {classes!r:.80}, not the number of classes"
    return ""


def image_problem(dataset: Dataset, images: object, count: int) -> str:
    """What `count` images are instead of what they should be; "" if all is well."""
    spec = dataset.image
    shape = (count, spec.channels, spec.height, spec.width)
    promised = f"float32 {shape} in [0, 1] on {dataset.device}, as `image = {spec}` says"
    if not _is(images, shape, torch.float32, dataset.device):
        return f"{_described(images)}, not {promised}"
    assert isinstance(images, Tensor)
    if not count:
        return ""
    if not images.isfinite().all():
        return f"{int((~images.isfinite()).sum())} numbers that are not finite among {images.numel()}, not {promised}"
    low, high = images.min().item(), images.max().item()
    return "" if low >= 0 and high <= 1 else f"numbers in [{_beside(low, 0)}, {_beside(high, 1)}], not {promised}"


def label_problem(dataset: LabelledDataset, labels: object, count: int) -> str:
    """What the labels of `count` images are instead of what they should be; "" if all is well."""
    promised = f"int64 ({count},) from 0 to {dataset.classes - 1}, as `classes = {dataset.classes}` says"
    if not _is(labels, (count,), torch.int64, dataset.device):
        return f"{_described(labels)}, not {promised} on {dataset.device}"
    assert isinstance(labels, Tensor)
    if not count:
        return ""
    low, high = int(labels.min()), int(labels.max())
    return "" if low >= 0 and high < dataset.classes else f"labels from {low} to {high}, not {promised}"


def _beside(value: float, bound: int) -> str:
    """A value in as many digits as tell it from a bound."""
    return next((text for digits in range(3, 9) if float(text := f"{value:.{digits}g}") != bound), f"{value:.9g}")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is(value: object, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str) -> bool:
    return (
        isinstance(value, Tensor)
        and tuple(value.shape) == shape
        and value.dtype == dtype
        and value.device.type == torch.device(device).type
        and value.layout == torch.strided
    )


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        layout = "" if value.layout == torch.strided else f"{str(value.layout).removeprefix('torch.')} "
        return f"{layout}{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)} on {value.device}"
    return f"{type(value).__module__}.{type(value).__qualname__} instead of a tensor"
