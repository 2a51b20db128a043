"""Building models, datasets, metrics and selectors from their names and settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from harness.config import parse
from harness.errors import FULL, StorageError, UserError, in_a_line
from harness.registry import Registry
from harness.seeds import governed
from harness.suite.resolve import TRAINING, apart, resolve_class
from harness.suite.trial import Choice, Trial

if TYPE_CHECKING:
    import torch

    from harness.dataset import Dataset
    from harness.metric import Metric
    from harness.model import ImageSpec, Model
    from harness.rng import Rng
    from harness.selector import Selector


def build_dataset(registry: Registry, choice: Choice, place: str = "dataset") -> "Dataset":
    """The dataset of a choice, which has no images before `load` is called.

    Raises:
        UserError: see `resolve_class`; or it has no factors, by which images to train on could be chosen.
    """
    return dataset_of(registry.find("datasets", choice.name, place).load(), choice.config, place)


def dataset_of(dataset_class: "type[Dataset]", settings: Mapping[str, Any], place: str) -> "Dataset":
    """A dataset of a class by its settings, and those of `training`, if they are among them.

    Raises:
        UserError: a setting is wrong; or there are no factors, by which images to train on could be chosen.
    """
    own, images = apart(settings, place)
    dataset = dataset_class(parse(dataset_class.Config, own, place))
    if images is not None:
        from harness.dataset import GroundTruthDataset

        if not isinstance(dataset, GroundTruthDataset):
            raise UserError(f"{place}.{TRAINING}: the dataset has no factors to choose images by")
        dataset.training_images = images
    return dataset


def load_dataset(registry: Registry, choice: Choice, device: str) -> "Dataset":
    """The dataset of a choice, loaded on a device.

    Raises:
        UserError: see `resolve_class`; or its files are missing, broken or cannot be read.
    """
    dataset = build_dataset(registry, choice)
    try:
        load(dataset, device)
    except OSError as error:  # As a plugin's own `open` raises it.
        if isinstance(error, StorageError) or error.errno in FULL:
            raise
        raise UserError(f"dataset {choice.name} cannot be loaded: {in_a_line(error)}") from error
    return dataset


def load(dataset: "Dataset", device: "str | torch.device") -> None:
    """Load a dataset on a device; what it draws from global generators is the same whenever it is loaded.

    Raises:
        UserError: its files are missing or broken.
    """
    with governed("load"):
        dataset.load(device)


def build_metric(registry: Registry, choice: Choice) -> "Metric":
    """The metric of a choice.

    Raises:
        UserError: see `resolve_class`.
    """
    metric_class, config = resolve_class(registry, "metrics", choice)
    return cast("Metric", metric_class(config))


def build_selector(registry: Registry, choice: Choice) -> "Selector":
    """The selector of a choice.

    Raises:
        UserError: see `resolve_class`.
    """
    selector_class, config = resolve_class(registry, "selectors", choice)
    return cast("Selector", selector_class(config))


def build_model(registry: Registry, choice: Choice, image: "ImageSpec", rng: "Rng", place: str = "") -> "Model":
    """The model of a choice for images of a shape, on the CPU, with initial parameters drawn from `rng`.

    Raises:
        UserError: see `resolve_class`; or the model cannot take such images.
    """
    from harness.model import build  # torch, which those who only read results do without.

    model_class, config = resolve_class(registry, "models", choice, place)
    return build(model_class, config, image, rng)


def build_initial_model(registry: Registry, trial: Trial, dataset: "Dataset") -> "Model":
    """The trial's model as its seed initialises it, on the dataset's device.

    Raises:
        UserError: see `build_model`.
    """
    from harness.rng import Rng

    model = build_model(registry, trial.model, dataset.image, Rng.for_initial(trial.seed), trial.label)
    return model.to(dataset.device)
