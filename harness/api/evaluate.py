"""`harness.evaluate`: metrics on a model trained elsewhere, on any dataset."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.api.devices import as_device
from harness.api.score import Metrics, choose_metrics, plugin_files
from harness.api.scores import Scores
from harness.config import Settings
from harness.data.images import ImageStore
from harness.data.tables import as_table, factors_of
from harness.dataset import Dataset, GroundTruthDataset, LabelledDataset
from harness.errors import UserError
from harness.factors import Indices
from harness.latents import LatentSpace, Normal
from harness.model import ABILITIES, ImageSpec, Model
from harness.nn.modes import inference
from harness.pictures.trained_model import TrainedModel
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.scoring.model_evaluation import ModelEvaluation
from harness.scoring.score import score_evaluation
from harness.suite.build import build_dataset
from harness.suite.resolve import resolve_choice

Function = Callable[[Tensor], Any]
METHODS = ("encode", "generate", "reconstruct")
"""What may be used of a module that is none of the harness's."""
Pixels = NDArray[np.uint8]


def evaluate(
    model: nn.Module | TrainedModel | None,
    dataset: Any,
    metrics: Metrics | None = None,
    *,
    encode: Function | None = None,
    generate: Function | None = None,
    reconstruct: Function | None = None,
    latents: LatentSpace | int | None = None,
    batch_size: int = 500,
    device: str = "cpu",
    seed: int = 0,
    plugins: str | Path | Sequence[str | Path] = (),
) -> Scores:
    """Score a model that was trained elsewhere.

    Args:
        model: any `nn.Module`, a TorchScript or exported program too, or None for plain functions. Of its methods
            `encode`, `generate` and `reconstruct` those are used that it has and that are not given here; a module
            without any of them encodes by being called. It is scored in inference mode, and then in the mode it was in.
            Or the model of a trial of `harness.Results`.
        dataset: a registered name, a table of a name and settings, a `harness.Dataset`, or arrays: images alone,
            (images, factors), or {"images": ..., "factors": ...} or {"images": ..., "labels": ...}. Images are
            (N, C, H, W) or (N, H, W, C), floats in [0, 1] or bytes; factors are as in `harness.score`.
        metrics: what to score by; by default every metric that applies to the model's codes, without those of samples,
            which may train a classifier first.
        encode: function of (n, C, H, W) float32 images in [0, 1] to (n, D) codes.
        generate: function of (n, Z) latents to (n, C, H, W) images in [0, 1]; needs `latents`.
        reconstruct: function of images to images.
        latents: the inputs of `generate`: a `harness.LatentSpace`, or a number of standard normal codes.
        batch_size: images per call.
        device: where images and the model lie.
        seed: seeds whatever a metric samples; the same seed gives the same numbers.
        plugins: files of plugins, for their metrics and datasets.

    Raises:
        UserError: the model can do nothing of this, or a dataset, metric or setting is wrong.
    """
    registry = PluginManager(plugin_files(plugins)).registry
    where = as_device(device)
    if batch_size < 1:
        raise UserError(f"evaluate: batch_size= is a number of images, at least 1, got {batch_size}")
    data = as_dataset(dataset, registry, device)
    given = {"encode": encode, "generate": generate, "reconstruct": reconstruct}
    wrapped = wrap(model, data.image, {name: method for name, method in given.items() if method is not None}, latents)
    wrapped.to(where)
    with inference(wrapped):
        evaluation = ModelEvaluation(wrapped, data, seed=seed, batch_size=batch_size, registry=registry)
        choices = choose_metrics(registry, metrics, evaluation)
        if metrics is None:
            needs = {choice.name: registry.find("metrics", choice.name).load().needs for choice in choices}
            choices = [choice for choice in choices if "generate" not in needs[choice.name]]
        return Scores(score_evaluation(evaluation, choices, registry))


def wrap(
    model: nn.Module | TrainedModel | None,
    image: ImageSpec,
    functions: Mapping[str, Function],
    latents: LatentSpace | int | None = None,
) -> Model:
    """Wrap functions, or the methods of a module, as a model of the harness.

    Raises:
        UserError: there is neither a function nor a method, or a generator without latents, or something is not what
            is called for.
    """
    module = _module(model)
    for name, function in functions.items():
        if not callable(function):
            raise UserError(f"evaluate: {name}= is a function of a batch of tensors, got {function!r}")
    space = _latent_space(latents)
    if space is None:
        space = getattr(module, "latents", None)
    if "generate" in functions and not isinstance(space, LatentSpace):
        raise UserError("evaluate: generate= needs latents=, a number of normal codes or a harness.LatentSpace")
    if isinstance(module, Model):
        return module if not functions and latents is None else _replaced(module, functions, space)
    found = dict(functions)
    for name in METHODS:
        method = getattr(module, name, None)
        if name not in found and callable(method):
            found[name] = method
    if module is not None and not found:
        found["encode"] = module
    if not found:
        raise UserError("evaluate: give a model, or functions encode=, generate= or reconstruct=")
    if not isinstance(space, LatentSpace):
        found.pop("generate", None)
    members = {name: _method(name, function) for name, function in found.items() if name in ABILITIES}
    kind = type("Wrapped", (Model,), {**members, "latents": space})
    wrapped: Model = kind(Settings(), image)
    if isinstance(module, nn.Module):
        wrapped.add_module("model", module)
    return wrapped


def _module(model: Any) -> Any:
    """What has the methods of a model, or is a function; None for none.

    Raises:
        UserError: it is something else, such as the name of a file.
    """
    if isinstance(model, TrainedModel):
        return model.model
    if isinstance(model, str | Path):
        raise UserError(
            f"evaluate: expected a model, got '{model}', a text; load it first: torch.jit.load('{model}'), or its "
            "parameters into the module that you build"
        )
    if isinstance(model, type):
        raise UserError(f"evaluate: expected a model, got the class {model.__name__}; give an object of it")
    if model is None or callable(model) or any(callable(getattr(model, name, None)) for name in METHODS):
        return model
    raise UserError(
        f"evaluate: expected a model, got {type(model).__name__}; it is a torch.nn.Module, or None beside functions "
        "encode=, generate= or reconstruct="
    )


def _latent_space(latents: Any) -> LatentSpace | None:
    if latents is None or isinstance(latents, LatentSpace):
        return latents
    if isinstance(latents, int | np.integer) and latents > 0:
        return LatentSpace({"codes": Normal(int(latents))})
    raise UserError(f"evaluate: latents= is a number of normal codes or a harness.LatentSpace, got {latents!r}")


def _replaced(model: Model, functions: Mapping[str, Function], latents: LatentSpace | None) -> Model:
    """A model of the harness, of the same parameters, that has functions in place of its methods.

    With another `encode` it says nothing else of its codes either.
    """
    members: dict[str, Any] = {"latents": latents}
    if "encode" in functions:
        members |= {
            name: getattr(Model, name) for name in ("represent", "posterior", "kl", "code_noise", "code_groups")
        }
    able = {name for name in model.abilities(model.config) if name not in members} | functions.keys()
    members |= {name: _method(name, function) for name, function in functions.items()}
    members["abilities"] = classmethod(lambda kind, config: able)
    replaced = copy(model)
    replaced.__class__ = type("Replaced", (type(model),), members)
    for name in members:
        replaced.__dict__.pop(name, None)
    return replaced


def _method(name: str, function: Function) -> Callable[[Model, Tensor], Tensor]:
    """Make a method that calls a function and checks its output."""

    def method(self: Model, inputs: Tensor) -> Tensor:
        given = torch.as_tensor(function(inputs), device=inputs.device)
        if len(given) != len(inputs) or (name == "encode" and given.ndim != 2):
            expected = "(n, D) codes" if name == "encode" else "(n, C, H, W) images"
            raise UserError(f"{name}: expected {expected} for n = {len(inputs)}, got the shape {tuple(given.shape)}")
        return given.to(torch.float32)

    return method


def as_dataset(dataset: Any, registry: Registry, device: str = "cpu") -> Dataset:
    """Load the dataset that `evaluate` was given: a name, a table, a dataset or arrays.

    Raises:
        UserError: there is no such dataset, its files are missing, or the arrays are none of images.
    """
    if isinstance(dataset, Dataset):
        found = dataset
    elif isinstance(dataset, str) or (isinstance(dataset, Mapping) and "name" in dataset):
        settings = {"name": dataset} if isinstance(dataset, str) else dict(dataset)
        name = str(settings.pop("name"))
        found = build_dataset(registry, resolve_choice(registry, "datasets", name, settings, "dataset"))
    else:
        found = _of_arrays(dataset)
    found.load(device)
    return found


def _of_arrays(data: Any) -> Dataset:
    parts = dict(data) if isinstance(data, Mapping) else {}
    if not parts:
        both = isinstance(data, tuple | list) and len(data) == 2
        parts = {"images": data[0], "factors": data[1]} if both else {"images": data}
    if unknown := parts.keys() - {"images", "factors", "labels"}:
        raise UserError(f"dataset: unknown key '{min(unknown)}'; choose from: images, factors, labels")
    if "images" not in parts:
        raise UserError("dataset: there are no images")
    pixels = _pixels(parts["images"])
    if parts.get("factors") is not None:
        factors, rows = factors_of(parts["factors"])
        if len(factors) != len(pixels):
            raise UserError(f"dataset: {len(pixels)} images and {len(factors)} rows of factors")
        return _FactorArrays(pixels if rows is None else pixels[rows], factors)
    if parts.get("labels") is not None:
        labels = as_table(parts["labels"], "labels")[0]
        if labels.shape != (len(pixels), 1) or (labels % 1).any() or labels.min() < 0:
            raise UserError(f"dataset: expected {len(pixels)} labels, whole numbers from 0")
        return _LabelledArrays(pixels, labels[:, 0].astype(np.int64))
    return _Arrays(pixels)


def _pixels(images: Any) -> Pixels:
    """Convert images to bytes (N, H, W, C)."""
    if isinstance(images, Tensor):
        images = images.detach().cpu().numpy()
    array = np.asarray(images)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or array.dtype.kind not in "buf" or not len(array):
        found = f"{array.dtype} of shape {array.shape}" if array.ndim else f"{type(images).__name__} {images!r}"
        raise UserError(
            f"dataset: expected images (N, C, H, W), or a dataset or the name of a registered one, got {found}"
        )
    if array.shape[1] in (1, 3) and array.shape[3] not in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    elif array.shape[3] not in (1, 3):
        raise UserError(f"dataset: expected images of 1 or 3 channels, got the shape {array.shape}")
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise UserError("dataset: images of floats lie in [0, 1]; these do not")
        array = (array * 255).round()
    return np.ascontiguousarray(array.astype(np.uint8) * (255 if array.dtype.kind == "b" else 1))


class _Arrays(Dataset):
    """A dataset of images that are in memory already."""

    def __init__(self, pixels: Pixels) -> None:
        super().__init__(Settings())
        self._pixels = pixels
        self.image = ImageSpec(pixels.shape[3], pixels.shape[1], pixels.shape[2])

    def load(self, device: torch.device | str = "cpu") -> None:
        """Copy the images to a device."""
        super().load(device)
        self._store = ImageStore(self._pixels, self.device)

    def __len__(self) -> int:
        return len(self._pixels)

    def images(self, indices: Tensor) -> Tensor:
        """Images (n, C, H, W) in [0, 1] at `indices` (n,)."""
        return self._store.gather(indices)


class _FactorArrays(_Arrays, GroundTruthDataset):
    """A dataset of images in memory and their ground-truth factors."""

    def __init__(self, pixels: Pixels, factors: Any) -> None:
        super().__init__(pixels)
        self.factors = factors


class _LabelledArrays(_Arrays, LabelledDataset):
    """A dataset of images in memory and their classes."""

    def __init__(self, pixels: Pixels, labels: Indices) -> None:
        super().__init__(pixels)
        self.classes = int(labels.max()) + 1
        self._labels = torch.from_numpy(labels)

    def labels(self, indices: Tensor) -> Tensor:
        """The classes (n,) of the images at `indices` (n,)."""
        return self._labels.to(indices.device)[indices]
