"""The pictures of each trial on the page: samples, reconstructions and traversals of its model."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.data.files import data_root, paths_outside
from harness.data.held_out import split_images
from harness.dataset import Dataset, GroundTruthDataset
from harness.errors import NotApplicableError, UserError, in_a_line
from harness.pictures.images import mosaic, pixels, tiled
from harness.pictures.latent_paths import Code, codes_of, step_labels, traversal
from harness.pictures.trained_model import TrainedModel, load_trained, unloaded_dataset
from harness.pictures.traversals import liveliest_codes
from harness.registry import Registry
from harness.report.picture_store import Album
from harness.results.folder import ResultsFolder
from harness.seeds import numpy_rng
from harness.suite.trial import Trial

SAMPLES, SAMPLE_COLUMNS = 40, 10
RECONSTRUCTIONS = 10
STEPS, COLUMNS = 9, 8
LARGEST = 96
"""Side of the largest image on the page, pixels; larger ones are made smaller."""

Plain = dict[str, Any]


def factor_names(trial: Trial, registry: Registry) -> list[str]:
    """The names of the factors of a trial's dataset; none if it has none or its plugin is not there."""
    try:
        dataset = unloaded_dataset(trial, registry, "cpu")
    except UserError:
        return []
    return list(dataset.factors.names) if isinstance(dataset, GroundTruthDataset) else []


def is_drawn(pictures: Plain) -> bool:
    """Whether there is any picture among what `StudyPictures.draw` returns."""
    return any("picture" in found for kind, found in pictures.items() if kind != "notes")


class StudyPictures:
    """Draws the trials of one results folder, which share a dataset.

    Args:
        folder: the results.
        registry: where models and datasets are found.
        device: "cpu" or "cuda".
        album: gets the pictures.
        any_path: whether images may come from outside the data root. The suite may be a stranger's, and its
            dataset's settings may name any folder of this machine.
    """

    def __init__(
        self, folder: ResultsFolder, registry: Registry, device: str, album: Album, *, any_path: bool = False
    ) -> None:
        self.folder = folder
        self.any_path = any_path
        self.registry = registry
        self.device = device
        self.album = album
        self._datasets: dict[str, Dataset] = {}
        self._absent: dict[str, str] = {}

    def draw(self, trial: Trial) -> Plain:
        """The pictures of one finished trial, by kind, with a note for each kind that is missing."""
        try:
            trained = load_trained(self.folder, trial, self.registry, self._dataset(trial))
        except Exception as error:  # A plugin's model may raise anything; it must not cost the report.
            return {"notes": {"all": _reason(error)}}
        found: Plain = {"notes": {}}
        kinds: dict[str, Callable[[TrainedModel], Plain]] = {
            "samples": self._samples,
            "reconstructions": self._reconstructions,
            "traversal": self._traversal,
            "codes": _code_names,
        }
        for kind, draw in kinds.items():
            try:
                found[kind] = draw(trained)
            except Exception as error:  # As above.
                found["notes"][kind] = _reason(error)
        return found

    def _dataset(self, trial: Trial) -> Dataset:
        key = trial.dataset.key
        if key not in self._datasets:
            self._datasets[key] = unloaded_dataset(trial, self.registry, self.device)
        return self._datasets[key]

    def _loaded(self, trained: TrainedModel) -> Dataset:
        """The dataset with its images, loaded once; its absence is found out once too."""
        key = trained.trial.dataset.key
        if key not in self._absent:
            self._absent[key] = self._load(trained)
        if reason := self._absent[key]:
            raise NotApplicableError(reason)
        return trained.dataset

    def _load(self, trained: TrainedModel) -> str:
        """Load the dataset; returns the reason if that cannot be done, else ""."""
        if not self.any_path and (outside := paths_outside(trained.trial.dataset.config)):
            return (
                f"the suite takes images from {', '.join(outside)}, outside the data root {data_root()}; "
                "`harness report --any-path` shows them"
            )
        try:
            trained.load_dataset()
        except UserError as error:
            return f"the dataset's files are not here: {error}"
        return ""

    def _samples(self, trained: TrainedModel) -> Plain:
        images = _on_page(trained.generate(trained.sample_latents(range(SAMPLES))))
        rows = tiled(pixels(images), SAMPLE_COLUMNS)
        return {"picture": self.album.add(mosaic(rows)), "count": SAMPLES, "rows": len(rows), "columns": SAMPLE_COLUMNS}

    def _reconstructions(self, trained: TrainedModel) -> Plain:
        trained.require_ability("reconstruct")
        dataset = self._loaded(trained)
        split = split_images(dataset, trained.trial.training.held_out)
        held_out = split.held_out
        shown = held_out if len(held_out) else split.trained_on
        count = min(RECONSTRUCTIONS, len(shown))
        chosen = numpy_rng("report", "reconstructions").choice(shown, count, replace=False)
        images = dataset.images(torch.from_numpy(chosen).to(dataset.device))
        rows = [pixels(_on_page(images)), pixels(_on_page(trained.reconstruct(images)))]
        return {
            "picture": self.album.add(mosaic(np.stack(rows))),
            "rows": 2,
            "columns": count,
            "held_out": bool(len(held_out)),
        }

    def _traversal(self, trained: TrainedModel) -> Plain:
        """One picture: for each code its steps below each other, each a row of samples."""
        codes = liveliest_codes(trained)
        others = trained.sample_latents(range(COLUMNS))
        steps = torch.cat([traversal(code, others, STEPS) for code in codes])
        images = _on_page(trained.generate(steps))
        return {
            "picture": self.album.add(mosaic(tiled(pixels(images), COLUMNS))),
            "width": images.shape[3],
            "height": images.shape[2],
            "columns": COLUMNS,
            "codes": [{"name": code.name, "values": step_labels(code.part, STEPS)} for code in codes],
        }


def _code_names(trained: TrainedModel) -> Plain:
    """What the columns of the model's representation are called, if it has one for each code; else nothing."""
    trained.require_ability("encode")
    names = list(_column_names(trained))
    width = trained.encode(trained.generate(trained.sample_latents([0]))).shape[1]
    return {"names": names if len(names) == width else []}


def _column_names(trained: TrainedModel) -> Iterator[str]:
    for code in codes_of(trained.latents):
        yield from [code.name] if len(code.columns) == 1 else _categories(code)


def _categories(code: Code) -> Sequence[str]:
    return [f"{code.name}={category}" for category in range(len(code.columns))]


def _on_page(images: Tensor) -> Tensor:
    """Images (N, C, H, W) no larger than the page needs."""
    larger = max(images.shape[2:]) / LARGEST
    if larger <= 1:
        return images
    height, width = (max(1, round(side / larger)) for side in images.shape[2:])
    return functional.interpolate(images, size=(height, width), mode="bilinear", antialias=True)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UserError | NotApplicableError) else in_a_line(error)
