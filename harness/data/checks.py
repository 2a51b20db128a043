"""What a dataset promises of its images and labels, and whether it keeps that."""

import torch
from torch import Tensor

from harness.dataset import Dataset, LabelledDataset
from harness.errors import ContractError
from harness.model import ImageSpec


def check_batch(dataset: Dataset, indices: Tensor, name: str) -> None:
    """Check one batch of a loaded dataset: its images and, where it has them, its labels.

    Args:
        dataset: loaded.
        indices: int64 (N,), on its device.
        name: of the dataset, for the message.

    Raises:
        ContractError: it gives something else than it promises.
    """
    if problem := declaration_problem(dataset):
        raise ContractError(f"dataset {name}: {problem}")
    images = dataset.images(indices)
    if problem := image_problem(dataset, images, len(indices)):
        raise ContractError(f"dataset {name}: `images` gives {problem}")
    if not torch.equal(images, dataset.images(indices)):
        raise ContractError(
            f"dataset {name}: `images` gives other numbers when it is asked for the same images again; draw what is "
            "random once, in `load`, from a seed"
        )
    if isinstance(dataset, LabelledDataset) and (
        problem := label_problem(dataset, dataset.labels(indices), len(indices))
    ):
        raise ContractError(f"dataset {name}: `labels` gives {problem}")


def declaration_problem(dataset: Dataset) -> str:
    """What is wrong with what a dataset says of itself; "" if all is well."""
    spec = getattr(dataset, "image", None)
    if not isinstance(spec, ImageSpec):
        return f"`image` is {spec!r:.80}, not an ImageSpec(channels, height, width)"
    classes = getattr(dataset, "classes", None)
    whole = isinstance(classes, int) and not isinstance(classes, bool) and classes > 0
    if isinstance(dataset, LabelledDataset) and not whole:
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
    return "" if low >= 0 and high <= 1 else f"numbers in [{low:.3g}, {high:.3g}], not {promised}"


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
