"""What `harness show` tells about a dataset beside its settings: size, memory, time to load, and a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from harness.cli.terminal import echo
from harness.errors import UserError

if TYPE_CHECKING:
    from harness.dataset import Dataset

MOST_NAMES = 6
"""Names of levels that are shown of a factor."""

UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def check_picture(path: Path) -> None:
    """The path is one for a PNG file.

    Raises:
        UserError: it is a folder or has another suffix.
    """
    if path.suffix.lower() != ".png":
        raise UserError(f"--pictures {path}: the picture is a PNG; expected a name that ends in .png")
    if path.is_dir():
        raise UserError(f"--pictures {path}: this is a folder; expected the name of a file")


def show_dataset(
    dataset_class: "type[Dataset]", name: str, settings: Mapping[str, Any], device: str, pictures: Path | None
) -> None:
    """Print the facts of a dataset, for which it is loaded if its files are there, and write a picture.

    Raises:
        UserError: a setting is wrong; or a picture is asked for and the dataset cannot be loaded.
    """
    from harness.data.held_out import split_images
    from harness.dataset import GroundTruthDataset, LabelledDataset
    from harness.suite.build import dataset_of, load

    dataset = dataset_of(dataset_class, settings, "dataset")
    echo(f"image: {dataset.image}")
    started = perf_counter()
    try:
        load(dataset, device)
    except UserError as error:
        if pictures:
            raise
        if (expected := dataset.memory()) is not None:
            echo(f"memory: {in_units(expected)} expected")
        echo(f"not loaded: {error}")
        return
    seconds = perf_counter() - started
    echo(f"images: {len(dataset):,}")
    if isinstance(dataset, GroundTruthDataset):
        factors = dataset.factors
        ranges = zip(factors.names, factors.sizes, factors.values, factors.level_names, strict=True)
        levels = (f"{name} {size} ({_levels(values, called)})" for name, size, values, called in ranges)
        echo(f"factors: {', '.join(levels)}")
        if dataset.training_images is not None:
            split = split_images(dataset, held_out=0)
            often = ", some more often than others" if split.weights is not None else ""
            echo(f"trained on: {len(split.trained_on):,} images{often}")
    if isinstance(dataset, LabelledDataset):
        echo(f"classes: {dataset.classes}")
    memory = dataset.memory()
    echo(f"memory: {'not known' if memory is None else f'{in_units(memory)} on {dataset.device}'}")
    echo(f"load: {seconds:.2f} s, measured just now")
    if pictures:
        from harness.pictures.datasets import dataset_picture
        from harness.pictures.images import save

        title = f"{name}: {len(dataset):,} images of {dataset.image}"
        echo(save(dataset_picture(dataset, title), pictures))


def in_units(size: int) -> str:
    """A number of bytes as a person would write it.

    >>> in_units(377_487_360), in_units(3_072_000_000), in_units(1_840_128)
    ('377 MB', '3.1 GB', '1.8 MB')
    """
    scale, unit = next(((scale, unit) for scale, unit in UNITS if size >= scale), UNITS[-1])
    number = size / scale
    return f"{number:.1f} {unit}" if number < 10 else f"{number:,.0f} {unit}"


def _levels(values: Any, names: Sequence[str]) -> str:
    """The first few names of a factor's levels, or the range of their values."""
    if names:
        return ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"
