"""The trained model of a trial, ready to encode, generate and reconstruct."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.dataset import Dataset
from harness.errors import NotApplicableError, UserError
from harness.evaluation import REASONS
from harness.latents import LatentSpace
from harness.model import Model, overridden
from harness.pictures.latent_paths import numbered_latents
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.storage.atomic import exists
from harness.suite.build import build_dataset, build_initial_model, load
from harness.suite.trial import Trial
from harness.training.trainer import load_weights

BATCH = 256


@dataclass
class TrainedModel:
    """A trial's model as its training left it, in inference mode.

    Attributes:
        trial: the trial that was trained.
        model: on the dataset's device; computes without gradients in every method here.
        dataset: not loaded until `load_dataset` is called, which only some pictures need.
        registry: the registry in which model and dataset were found.
    """

    trial: Trial
    model: Model
    dataset: Dataset
    registry: Registry

    def require_ability(self, ability: str) -> None:
        """Make sure that the model has an ability, such as "encode".

        Raises:
            NotApplicableError: the model does not have it.
        """
        if not self.model.can(ability):
            raise NotApplicableError(REASONS[ability])

    def able(self, ability: str) -> list[str]:
        """Name the registered models that have an ability, such as "generate"."""
        found = []
        for name, entry in self.registry.entries["models"].items():
            with suppress(UserError):  # Its plugin cannot be imported.
                found += [name] if ability in overridden(entry.load()) else []
        return sorted(found)

    @property
    def latents(self) -> LatentSpace:
        """The latent space of a model that generates.

        Raises:
            NotApplicableError: the model does not generate.
        """
        self.require_ability("generate")
        if self.model.latents is None:
            raise NotApplicableError(REASONS["generate"])
        return self.model.latents

    @torch.no_grad()
    def generate(self, latents: Tensor) -> Tensor:
        """Generate images (n, C, H, W) from latents (..., Z), in batches."""
        flat = latents.reshape(-1, latents.shape[-1]).to(self.dataset.device)
        return torch.cat([self.model.generate(part) for part in torch.split(flat, BATCH)])

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Encode a few images (n, C, H, W) as codes (n, D)."""
        self.require_ability("encode")
        return self.model.encode(images)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """Reconstruct a few images (n, C, H, W), in one batch."""
        self.require_ability("reconstruct")
        return self.model.reconstruct(images)

    def load_dataset(self) -> None:
        """Load the dataset's images to its device.

        Raises:
            UserError: its files are missing or broken.
        """
        load(self.dataset, self.dataset.device)

    def untrained(self) -> Model:
        """The same model as its seed initialised it, on the same device, in evaluation mode."""
        return build_initial_model(self.registry, self.trial, self.dataset).eval()

    def sample_latents(self, numbers: Sequence[int], seed: int = 0) -> Tensor:
        """The latents (n, Z) of samples by their numbers; see `harness.pictures.latent_paths.numbered_latents`."""
        return numbered_latents(self.latents, numbers, seed, self.dataset.device)


def unloaded_dataset(trial: Trial, registry: Registry, device: str) -> Dataset:
    """The trial's dataset before it is loaded: it knows the shape of its images but holds none.

    Raises:
        UserError: its plugin, or that of the model, is not loaded; the message names it.
    """
    require_plugins(trial, registry)
    dataset = build_dataset(registry, trial.dataset)
    dataset.device = torch.device(device)
    return dataset


def require_plugins(trial: Trial, registry: Registry) -> None:
    """Make sure that the plugins that a trial's record names are loaded.

    Raises:
        UserError: one is not; the message says how to load it.
    """
    missing: dict[tuple[str, str], list[str]] = {}
    for kind, choice in (("models", trial.model), ("datasets", trial.dataset)):
        if choice.name not in registry.entries[kind] and (kind, choice.name) not in registry.conflicts:
            missing.setdefault((choice.plugin, choice.version), []).append(f"{kind[:-1]} '{choice.name}'")
    for (plugin, version), names in missing.items():
        of = f"the plugin {plugin} (version {version})" if plugin else f"a plugin of version {version}"
        what = f"its {' and '.join(names)} {'is' if len(names) == 1 else 'are'} of {of}, which is not loaded"
        file = plugin if plugin.endswith(".py") else "FILE.py"
        install = "" if plugin.endswith(".py") else ", or install it"
        raise UserError(f"{what}; name the plugin's file by --plugin {file}{install}")


def load_trained(folder: ResultsFolder, trial: Trial, registry: Registry, dataset: Dataset) -> TrainedModel:
    """Load the model that a trial trained.

    Raises:
        UserError: it was never trained, its file is damaged, or its plugin is not there.
    """
    files = folder.trial(trial.id)
    if not exists(files.model):
        result = files.result
        reason = f"it ended as {result.outcome}: {result.reason}" if result else "it is not done"
        raise UserError(f"{trial.title}: there is no trained model; {reason}")
    model = build_initial_model(registry, trial, dataset)
    load_weights(model, files)
    return TrainedModel(trial, model.eval(), dataset, registry)
