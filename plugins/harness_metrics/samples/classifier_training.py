"""Training a classifier on a dataset's classes, and keeping it for every later trial and process."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import harness
from harness import Adam, Dataset, ModelEvaluation, NotApplicableError, Rng, UserError, digest
from harness.data import cached, load_tensors, locked, save_tensors
from harness.nn import OptimizerState
from harness_metrics.labelling import Labelling
from harness_metrics.samples.classifier_networks import ClassifierNetwork, shapes_network, small_network

BATCH_SIZE = 64
TEST_IMAGES = 10_000
"""A tenth of the images, and at most this many, measure the accuracy."""
NETWORKS = {"small": small_network, "shapes": shapes_network}


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained.

    Attributes:
        network: one of `NETWORKS`.
        epochs: passes over the images.
        learning_rate: Adam's.
    """

    network: str
    epochs: int
    learning_rate: float


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained network in inference mode, its name by content, and its accuracy on images it never saw."""

    network: ClassifierNetwork
    key: str
    accuracy: float


def trained_classifier(evaluation: ModelEvaluation, recipe: Recipe, classes: Labelling) -> TrainedClassifier:
    """Train the classifier of the evaluation's dataset, or load the one that an earlier trial or process trained.

    The classifier is kept in the data root's folder `cache`, named by all that decides its parameters (the dataset's
    content, the recipe, the seed, versions, device and number of threads), so that keeping it changes no number.

    Raises:
        NotApplicableError: the network cannot take the images, or there are too few of them.
        UserError: it cannot be kept.
    """
    dataset = evaluation.dataset
    rng = Rng.of("evaluation", evaluation.seed, "classifier")
    with rng.governing_torch():
        network = NETWORKS[recipe.network](dataset.image, classes.classes)
    key = digest(_identity(dataset, evaluation.seed, recipe, classes), length=16)
    path = cached(f"classifier-{key}.safetensors")
    try:
        # Whoever comes second waits, and finds what the first has made.
        with locked(path.with_name(f".{path.name}.lock")):
            found = _load(path)
            if found is None:
                accuracy = _train(network, dataset, classes, recipe, rng)
                save_tensors(path, network.state_dict(), {"accuracy": accuracy})
            else:
                weights, meta = found
                network.load_state_dict(weights)
                accuracy = meta["accuracy"]
    except OSError as error:
        raise UserError(f"{path}: the trained classifier cannot be kept: {error}") from error
    return TrainedClassifier(network.to(dataset.device).eval(), key, accuracy)


def _load(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]] | None:
    """The classifier that was kept, or None if its file is missing or unusable."""
    try:
        return load_tensors(path)
    except (FileNotFoundError, UserError):
        return None


def _identity(dataset: Dataset, seed: int, recipe: Recipe, classes: Labelling) -> list[object]:
    """Everything that decides a classifier's parameters, as plain data."""
    # Not every image is looked at, because a dataset can be larger than memory.
    indices = np.unique(np.linspace(0, len(dataset) - 1, 500).astype(np.int64))
    images = dataset.images(torch.from_numpy(indices).to(dataset.device)).cpu().numpy()
    cuda = dataset.device.type == "cuda"
    return [
        f"{type(dataset).__module__}.{type(dataset).__qualname__}",
        dataset.config.values(),
        [str(dataset.image), len(dataset), classes.name, classes.classes],
        [hashlib.sha256(content.tobytes()).hexdigest() for content in (images, classes.labels)],
        asdict(recipe),
        seed,
        [harness.__version__, torch.__version__],
        torch.cuda.get_device_name(dataset.device) if cuda else f"cpu, {torch.get_num_threads()} threads",
    ]


def _train(network: ClassifierNetwork, dataset: Dataset, classes: Labelling, recipe: Recipe, rng: Rng) -> float:
    """Train a network in place; returns its accuracy on the images kept for that."""
    order = rng.permutation(len(dataset))
    test, train = order.tensor_split([min(len(dataset) // 10, TEST_IMAGES)])
    if not len(test):
        raise NotApplicableError(f"{len(dataset)} images are too few to train a classifier")
    network.to(dataset.device).train()
    labels = torch.from_numpy(classes.labels).to(dataset.device)
    parameters = list(network.parameters())
    optimizer = OptimizerState(Adam(recipe.learning_rate), parameters)
    batch_size = min(BATCH_SIZE, len(train))
    # Deterministic, so that a classifier that was kept and one trained again are the same.
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False), torch.enable_grad():
        for _ in range(recipe.epochs):
            shuffled = train[rng.permutation(len(train))].to(dataset.device)
            for batch in torch.split(shuffled[: len(train) // batch_size * batch_size], batch_size):
                logits, _ = network(dataset.images(batch))
                loss = functional.cross_entropy(logits, labels[batch])
                optimizer.update(torch.autograd.grad(loss, parameters), step=0)
    return _accuracy(network.eval(), dataset, labels, test.to(dataset.device))


@torch.no_grad()
def _accuracy(network: ClassifierNetwork, dataset: Dataset, labels: Tensor, indices: Tensor) -> float:
    """Share of the images at `indices` (n,) whose class is the most likely one."""
    right = [
        (network(dataset.images(part))[0].argmax(dim=1) == labels[part]).sum() for part in torch.split(indices, 500)
    ]
    return int(torch.stack(right).sum()) / len(indices)
