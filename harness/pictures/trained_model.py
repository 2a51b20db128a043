"""Finding a trial by what a person calls it, and its trained model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.dataset import Dataset
from harness.errors import NotApplicableError, UserError
from harness.evaluation import REASONS
from harness.latents import LatentSpace
from harness.model import Model
from harness.pictures.latent_paths import numbered_latents
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.suite.build import initial_model, make_dataset
from harness.suite.trial import Trial
from harness.training.trainer import load_weights

BATCH = 256


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

    def untrained(self) -> Model:
        """The same model as its seed initialised it, on the same device, in evaluation mode."""
        return initial_model(self.registry, self.trial, self.dataset).eval()

    def sample_latents(self, numbers: Sequence[int], seed: int = 0) -> Tensor:
        """The latents (n, Z) of samples by their numbers; see `harness.pictures.latent_paths.numbered_latents`."""
        return numbered_latents(self.latents, numbers, seed, self.dataset.device)


def unloaded_dataset(trial: Trial, registry: Registry, device: str) -> Dataset:
    """The trial's dataset, knowing the shape of its images but holding none."""
    dataset = make_dataset(registry, trial.dataset)
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
    model = initial_model(registry, trial, dataset)
    load_weights(model, files)
    return TrainedModel(trial, model.eval(), dataset, registry)
