"""Finding a trial by what a person calls it, and its trained model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from harness.config import parse
from harness.dataset import Dataset
from harness.errors import NotApplicableError, UserError, nearest
from harness.evaluation import REASONS
from harness.latents import LatentSpace
from harness.model import Model
from harness.plugins import Registry
from harness.store import ResultsFolder
from harness.training.trainer import load_weights, new_model
from harness.trial import Trial

from .walks import numbered_latents

BATCH = 256


def find_trial(place: Path) -> tuple[ResultsFolder, Trial]:
    """The trial that a path names: a results folder, and then the trial's identity or title.

    Of either the beginning will do where it fits a single trial. `FOLDER/trials/ID` is understood too.

    Raises:
        UserError: there is no such folder or trial, or the name fits several.
    """
    for folder, name in _splits(place):
        if (folder / "suite.json").is_file():
            return ResultsFolder(folder), _named(name, ResultsFolder(folder).suite.trials, folder)
    parent = ResultsFolder(place.parent)
    return parent, _named(place.name, parent.suite.trials, place.parent)


def _splits(place: Path) -> Iterable[tuple[Path, str]]:
    """Every way to read a path as a folder and a name in it; a title may hold slashes."""
    for folder in [place, *place.parents]:
        parts = place.relative_to(folder).parts
        yield folder, "/".join(parts[1:] if parts[:1] == ("trials",) else parts)


def _named(name: str, trials: Sequence[Trial], folder: Path) -> Trial:
    exact = [trial for trial in trials if name in (trial.id, trial.title)]
    found = exact or [trial for trial in trials if trial.id.startswith(name) or trial.title.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not found and name:
        raise UserError(f"{folder}: there is no trial '{name}'; {nearest(name, [trial.title for trial in trials])}")
    several = "\n".join(f"  {trial.id}  {trial.title}" for trial in found[:10])
    more = f"\n  and {len(found) - 10} more" if len(found) > 10 else ""
    asked = f"'{name}' fits {len(found)} trials" if name else "name one of its trials behind the folder"
    raise UserError(f"{folder}: {asked}:\n{several}{more}")


@dataclass
class TrainedModel:
    """A trial's model as its training left it, in inference mode.

    Attributes:
        trial: what was trained.
        model: on the dataset's device; computes without gradients in every method here.
        dataset: not loaded until `load_dataset` is called, which only some pictures need.
        registry: where both were found.
    """

    trial: Trial
    model: Model
    dataset: Dataset
    registry: Registry

    def require(self, ability: str) -> None:
        """Make sure that the model can do something.

        Raises:
            NotApplicableError: it cannot.
        """
        if not self.model.can(ability):
            raise NotApplicableError(REASONS[ability])

    @property
    def latents(self) -> LatentSpace:
        """The prior of a model that generates.

        Raises:
            NotApplicableError: it does not.
        """
        self.require("generate")
        if self.model.latents is None:
            raise NotApplicableError(REASONS["generate"])
        return self.model.latents

    @torch.no_grad()
    def generate(self, latents: Tensor) -> Tensor:
        """Latents (..., Z) to images (n, C, H, W), in batches."""
        flat = latents.reshape(-1, latents.shape[-1]).to(self.dataset.device)
        return torch.cat([self.model.generate(part) for part in torch.split(flat, BATCH)])

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes (n, D) of a few images (n, C, H, W)."""
        self.require("encode")
        return self.model.encode(images)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """Reconstructions of a few images (n, C, H, W)."""
        self.require("reconstruct")
        return self.model.reconstruct(images)

    def load_dataset(self) -> None:
        """Bring the dataset's images to its device.

        Raises:
            UserError: its files are missing or broken.
        """
        self.dataset.load(self.dataset.device)

    def sample_latents(self, numbers: Sequence[int], seed: int = 0) -> Tensor:
        """The latents (n, Z) of samples by their numbers; see `harness.report.walks.numbered_latents`."""
        return numbered_latents(self.latents, numbers, seed, self.dataset.device)


def unloaded_dataset(trial: Trial, registry: Registry, device: str) -> Dataset:
    """The trial's dataset, knowing the shape of its images but holding none."""
    dataset_class = registry.find("datasets", trial.dataset.name).load()
    dataset: Dataset = dataset_class(parse(dataset_class.Config, trial.dataset.config, "dataset"))
    dataset.device = torch.device(device)
    return dataset


def load_trained(folder: ResultsFolder, trial: Trial, registry: Registry, dataset: Dataset) -> TrainedModel:
    """The model that a trial trained.

    Raises:
        UserError: it was never trained, its file is damaged, or its plugin is not there.
    """
    files = folder.trial(trial.id)
    if not files.model.exists():
        result = files.result
        reason = f"it ended as {result.outcome}: {result.reason}" if result else "it is not done"
        raise UserError(f"{trial.title}: there is no trained model; {reason}")
    model = new_model(trial, registry, dataset)
    load_weights(model, files)
    return TrainedModel(trial, model.eval(), dataset, registry)
