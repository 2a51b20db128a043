"""The evaluation of a trained model on a dataset: codes, samples and reconstructions, each made once."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from harness.config import Settings
from harness.data.checks import asked, check_images
from harness.data.held_out import split_images
from harness.dataset import Dataset, GroundTruthDataset, LabelledDataset
from harness.errors import DivergenceError, NotApplicableError
from harness.evaluation import Codes, Evaluation, PrincipalCodes, group_points, out_of_range
from harness.factors import Indices
from harness.model import Model
from harness.nn.doubles import to_double
from harness.registry import Registry
from harness.rng import Rng
from harness.scoring.stacked_models import StackedModels
from harness.suite.build import build_dataset
from harness.suite.resolve import resolve_choice
from harness.training.engines.signature import signature_of
from harness.training.model_outputs import (
    checked_codes,
    checked_features,
    checked_images,
    checked_kl,
    checked_posterior,
)
from harness.training.purity import Purity

KEPT_SAMPLES = 2**30
"""Generated images are kept for the next metric up to this size, bytes, of all models that are evaluated together;
the others are made again."""

T = TypeVar("T")


def abilities_of(model: type[Model], config: Settings, dataset: Dataset, held_out: int) -> set[str]:
    """The abilities of a model with its hyperparameters, and "factors", "labels", "held_out" where the data have them.

    The dataset need not be loaded.
    """
    found = set(model.abilities(config))
    found |= {"factors"} if isinstance(dataset, GroundTruthDataset) else set()
    found |= {"labels"} if isinstance(dataset, LabelledDataset) else set()
    return found | ({"held_out"} if held_out else set())


class ModelEvaluation(Evaluation):
    """One trained model, in inference mode, beside the dataset it is scored on.

    `dataset` must be loaded on the device where the model lies. No gradient is recorded in any method.

    Attributes:
        trained_on: indices of the images that the model was trained on, int64, ascending.
        held_out: indices of images kept from training at random, int64, ascending; empty where none was.
        left_out: indices of images that `[dataset.training]` keeps from training, int64, ascending.
        sample_block_size: number of generated images in a block; each block has latent vectors of its own.
    """

    sample_block_size: ClassVar[int] = 500

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        *,
        held_out: int = 0,
        seed: int = 0,
        batch_size: int = 500,
        registry: Registry | None = None,
    ) -> None:
        super().__init__(seed, dict(dataset.fixed) if isinstance(dataset, GroundTruthDataset) else None)
        split = split_images(dataset, held_out)
        self.trained_on, self.held_out, self.left_out = split.trained_on, split.held_out, split.left_out
        self.model = model.eval()
        self.dataset = dataset
        self.batch_size = batch_size
        self.registry = registry
        self.factors = dataset.factors if isinstance(dataset, GroundTruthDataset) else None
        self._codes: Codes | None = None
        # Images of metric groups may come after those of the dataset proper.
        last = max((int(index.max()) for name, index in self.fixed.items() if name.endswith("_index")), default=0)
        self._encoded = np.zeros(max(len(dataset), last + 1), dtype=bool)
        self.code_groups = model.code_groups
        self._samples: dict[int, Tensor] = {}
        self._stacked: StackedModels | None = None
        self._together: Sequence[ModelEvaluation] = (self,)
        self._ended = False
        self._purity = Purity()

    @staticmethod
    def join(evaluations: "Sequence[ModelEvaluation]", stacked: StackedModels) -> None:
        """Have evaluations encode and generate together from now on.

        Args:
            evaluations: on one dataset with one seed.
            stacked: their models, in the same order.
        """
        for evaluation in evaluations:
            evaluation._stacked, evaluation._together = stacked, evaluations

    def end(self) -> None:
        """Free the codes and samples, and keep no others. Nothing may be asked of the evaluation afterwards."""
        self._codes, self._samples, self._made = None, {}, {}
        self._ended = True

    def abilities(self) -> set[str]:
        """Name what the model can do and the data have, see `abilities_of`."""
        return abilities_of(type(self.model), self.model.config, self.dataset, len(self.held_out))

    @property
    def size(self) -> int:
        """The number of images of the dataset."""
        return len(self.dataset)

    def torch_rng(self, *purpose: object) -> Rng:
        """Like `rng`, for tensors on the model's device; the numbers are the same for every model."""
        return Rng.of("evaluation", self.seed, *purpose, device=self.dataset.device)

    def other_dataset(self, name: str, settings: Mapping[str, Any], place: str) -> Dataset:
        """Make another dataset that the run's plugins offer; it is not loaded yet.

        Args:
            name: its registered name.
            settings: the settings that differ from its defaults.
            place: where the name was read, for error messages.

        Raises:
            NotApplicableError: this evaluation is not part of a run, and so knows no plugins.
            UserError: there is no such dataset, or a setting of it is wrong.
        """
        if self.registry is None:
            raise NotApplicableError(f"{place}: no other datasets are known here")
        return build_dataset(self.registry, resolve_choice(self.registry, "datasets", name, settings, place), place)

    def images(self, indices: Indices) -> Tensor:
        """The dataset's images (n, C, H, W) at `indices` (n,).

        Raises:
            ContractError: they are not what the dataset promises.
        """
        where = torch.from_numpy(np.asarray(indices, dtype=np.int64)).to(self.dataset.device)
        images = asked(self.dataset, "images", where, type(self.dataset).__name__)
        check_images(self.dataset, where, images)
        return images

    def codes(self, indices: Indices) -> Codes:
        """Codes of the images at `indices` (...), as (..., D); each image is encoded at most once.

        Where the model says that several columns are one code, these are the first principal components of its groups.
        """
        columns = self._columns(indices)
        return self._principal(columns) if len(self.code_groups) and columns.size else columns

    @cached_property
    def _principal(self) -> PrincipalCodes:
        return PrincipalCodes(self._columns(group_points(self)), self.code_groups)

    def _columns(self, indices: Indices) -> Codes:
        """Have the model encode the images at `indices` (...); returns its output for each, (..., D)."""
        wanted = np.unique(indices)
        missing = wanted[~self._encoded[wanted]]
        if len(missing):
            codes = self._encode_together(missing)
            if codes is None:
                self._keep(missing, self.encode_dataset(missing))
            else:
                for evaluation, its in zip(self._together, codes, strict=True):
                    if not evaluation._ended:
                        evaluation._keep(missing, its)
        if self._codes is None:
            return np.zeros((*np.shape(indices), 0), dtype=np.float32)
        return self._codes[indices]

    def encode_dataset(self, indices: Indices) -> Codes:
        """(n, D) codes of the dataset's images at `indices` (n,), without the cache.

        Raises:
            DivergenceError: the model gives codes that are not a number or beyond 1e15.
        """
        noise = self._code_noise(len(self._encoded), "dataset")
        pieces = [self._represent(self.images(part), noise[part]) for part in _parts(indices, self.batch_size)]
        codes: Codes = torch.cat(pieces).cpu().numpy()
        if reason := out_of_range(codes):
            raise DivergenceError(f"the codes of the images: {reason}")
        return codes

    def _encode_together(self, indices: Indices) -> Codes | None:
        """Codes (G, n, D) of the images at `indices` by all joined models; None if each has to encode by itself."""
        if self._stacked is None:
            return None
        noise, pieces = self._code_noise(len(self._encoded), "dataset"), []
        for part in _parts(indices, self.batch_size):
            found = self._stacked.represent(self._ordered(self.images(part)), noise[part])
            if found is None or found.dim() != 3:
                return None
            pieces.append(_unrounded(found))
        codes: Codes = torch.cat(pieces, dim=1).cpu().numpy()
        # A model that diverged must fail alone: each then encodes by itself, and says so.
        return None if out_of_range(codes.reshape(-1, codes.shape[2])) else codes

    def _keep(self, indices: Indices, codes: Codes) -> None:
        """Keep the codes (n, D) of the images at `indices`."""
        if self._codes is None:
            self._codes = np.zeros((len(self._encoded), codes.shape[1]), dtype=codes.dtype)
        self._codes[indices] = codes
        self._encoded[indices] = True

    def kl(self, indices: Indices) -> NDArray[np.float64]:
        """(D,) divergence of each code's posterior from its prior in nats, averaged over the images."""
        parts = _parts(indices, self.batch_size)
        with torch.no_grad():
            total = sum(to_double(self._kl(self.images(part))).sum(dim=0) for part in parts)
        assert isinstance(total, Tensor)
        divergence = total.cpu().numpy() / len(indices)
        return self._principal.sums(divergence) if len(self.code_groups) else divergence

    def _kl(self, images: Tensor) -> Tensor:
        return checked_kl(self.model.kl(self._ordered(images)), len(images))

    def encode(self, images: Tensor, *purpose: object) -> Tensor:
        """(N, D) float32 codes of any images, in batches.

        `purpose` names the noise of a model whose codes are random, as in `rng`.
        """
        noise = self._code_noise(len(images), "other", *purpose)
        parts = zip(torch.split(images, self.batch_size), torch.split(noise, self.batch_size), strict=True)
        return torch.cat([self._represent(*part) for part in parts])

    @torch.no_grad()
    def generate(self, latents: Tensor) -> Tensor:
        """Generate images (N, C, H, W) from any latent vectors (N, Z), in batches."""
        return self._batched("generate", latents)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """Reconstruct any images (N, C, H, W), in batches."""
        return self._batched("reconstruct", images)

    @torch.no_grad()
    def features(self, images: Tensor) -> list[Tensor]:
        """The model's feature maps of a batch of images. Batches are the caller's, because most maps are large."""
        return checked_features(self.model.features(self._ordered(images)), len(images))

    @torch.no_grad()
    def posterior(self, images: Tensor) -> dict[str, Distribution]:
        """The distributions that the model infers for a batch of images, by the parts of its latents."""
        return checked_posterior(self.model.posterior(images))

    def latents(self, purpose: str, n: int) -> Tensor:
        """n latent vectors from the model's prior, (n, Z)."""
        if self.model.latents is None:
            return torch.zeros(n, 0, device=self.dataset.device)
        return self.model.latents.draw(n, self.torch_rng("latents", purpose))

    def samples(self, n: int) -> Tensor:
        """The first n images (n, C, H, W) of an endless series of samples, which every metric reads.

        The latent vectors are the same for every model with the same prior.
        """
        blocks = [self.sample_block(number) for number in range(-(-n // self.sample_block_size))]
        return torch.cat(blocks)[:n] if blocks else self.sample_block(0)[:0]

    def sample_block(self, number: int) -> Tensor:
        """Block `number` of the series of `samples`, (500, C, H, W): for series that do not fit into memory."""
        if number in self._samples:
            return self._samples[number]
        latents, image = self.latents(f"samples/{number}", self.sample_block_size), self.model.image
        nbytes = 4 * self.sample_block_size * image.channels * image.height * image.width
        if (len(self._samples) + 1) * len(self._together) * nbytes > KEPT_SAMPLES:
            return self.generate(latents)
        blocks = self._generate_together(f"samples/{number}") if self._stacked else None
        if blocks is None:
            self._samples[number] = self.generate(latents)
        else:
            for evaluation, block in zip(self._together, blocks, strict=True):
                if not evaluation._ended:
                    evaluation._samples[number] = block
        return self._samples[number]

    def _generate_together(self, purpose: str) -> Tensor | None:
        """A block of images (G, n, C, H, W) of each joined model; None if each has to generate by itself."""
        assert self._stacked is not None
        latents = [evaluation.latents(purpose, self.sample_block_size) for evaluation in self._together]
        return self._stacked.generate(torch.stack(latents))

    @torch.no_grad()
    def _represent(self, images: Tensor, noise: Tensor) -> Tensor:
        return _unrounded(checked_codes(self._purely("represent", self._ordered(images), noise), len(images)))

    def _purely(self, name: str, *arguments: Tensor) -> object:
        """The output of the model's method of this name, which must be pure.

        Raises:
            ContractError: it depends on something else than its arguments, as on random numbers.
        """
        method, called = getattr(self.model, name), f"the model's `{'encode' if name == 'represent' else name}`"
        if self._purity.is_new(called):
            self._purity.twice(called, lambda: method(*(argument[:1] for argument in arguments)))
        with self._purity.watch(called):
            return method(*arguments)

    def _code_noise(self, n: int, *purpose: object) -> Tensor:
        """The noise of n images' codes, (n, `Model.code_noise`)."""
        return self.torch_rng("code noise", *purpose).normal(n, self.model.code_noise)

    def _batched(self, name: str, inputs: Tensor) -> Tensor:
        """The images (N, C, H, W) that the model's method of this name makes of N inputs, in batches."""
        parts = torch.split(inputs, self.batch_size)
        made = [checked_images(name, self._purely(name, self._ordered(p)), len(p), self.model.image) for p in parts]
        return torch.cat(made)

    @staticmethod
    def _ordered(batch: Tensor) -> Tensor:
        return batch.contiguous(memory_format=torch.channels_last) if batch.dim() == 4 else batch


def join_alike(evaluations: Sequence[ModelEvaluation], note: Callable[[str], None]) -> None:
    """Join evaluations whose models have equal structure, so that they encode and generate together.

    Args:
        evaluations: on one dataset with one seed.
        note: told why something is done by one model at a time.
    """
    alike: dict[Hashable, list[ModelEvaluation]] = {}
    for evaluation in evaluations:
        alike.setdefault(signature_of(evaluation.model), []).append(evaluation)
    for group in alike.values():
        if len(group) > 1:
            ModelEvaluation.join(group, StackedModels([evaluation.model for evaluation in group], note))


def _unrounded(codes: Tensor) -> Tensor:
    """In double precision unless single holds every number: rounding would merge codes that lie close together."""
    return codes.float() if codes.is_floating_point() and codes.dtype != torch.float64 else codes.double()


def _parts(indices: Indices, size: int) -> list[Indices]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]
