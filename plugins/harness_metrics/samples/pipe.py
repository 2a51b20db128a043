"""PIPE: can recombined codes be told from real ones, once decoded?"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import (
    Adam,
    Codes,
    Field,
    ImageSpec,
    Indices,
    ModelEvaluation,
    NotApplicableError,
    Rng,
    SampleMetric,
    Score,
    Settings,
)
from harness.nn import OptimizerState

CHANNELS = (32, 32, 64, 64)
"""Of the convolutions of stride 2, the last of them again where there are more."""
LAST = 512
BATCH = 500
"""Images decoded or classified at a time."""


class PIPE(SampleMetric):
    """PIPE (Estermann & Wattenhofer, 2023), in [0, 2]: reconstructions told from decodings of recombined codes.

    Where codes are disentangled, any combination of them decodes to an image like those of the dataset, and a
    classifier of reconstructions and recombinations is right half the time: 2 (1 - accuracy) is 1. Where they are not,
    it is always right: 0. No labels are needed, so that `by:pipe` is a selector without any.

    As in the authors' code, the classifier is trained on half of the images, judged on the other half, and sees 50,000
    in all, with replacement if there are fewer. All models meet a classifier of the same initial parameters.
    """

    class Config(Settings):
        """What is told apart, and how long it is learnt."""

        codes: Literal["uniform", "shuffled"] = Field(
            "uniform",
            description="recombined codes; uniform: between the least and the largest value of each (the authors' "
            "default); shuffled: values of other images, the aggregate posterior's marginals",
        )
        samples: int = Field(10_000, gt=3, description="images of either class; 50,000 in the authors' code")
        examples: int = Field(50_000, gt=0, description="images that the classifier is trained on, seen again or not")
        batch_size: int = Field(32, gt=1, description="of the classifier")
        learning_rate: float = Field(1e-4, gt=0, description="Adam's, of the classifier")

    source = "Estermann & Wattenhofer 2023, DAVA: Disentangling Adversarial Variational Autoencoder, arXiv:2303.01384"
    needs = ("encode", "generate", "reconstruct")
    range = (0, 2)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """Twice the share of errors; details hold the accuracy.

        Raises:
            NotApplicableError: the generator is fed something else than codes.
        """
        rng = evaluation.rng("pipe")
        indices = rng.integers(evaluation.size, size=self.config.samples)
        codes = evaluation.codes(indices)
        width = evaluation.model.latents.width if evaluation.model.latents else 0
        if codes.shape[1] != width:
            raise NotApplicableError(f"{codes.shape[1]} codes are no input of a generator that is fed {width} numbers")
        mixed = torch.from_numpy(self.recombined(codes, rng)).to(evaluation.dataset.device)
        classes = _reconstructions(evaluation, indices), evaluation.generate(mixed)
        # Reconstructions are class 0; either class is halved.
        train, test = ([images[side::2] for images in classes] for side in (0, 1))
        accuracy = _accuracy(self._trained(evaluation, *train), *test)
        return Score(2 * (1 - accuracy), {"accuracy": accuracy})

    def recombined(self, codes: Codes, rng: np.random.Generator) -> Codes:
        """Codes (n, D) whose columns have nothing to do with each other."""
        if self.config.codes == "shuffled":
            return rng.permuted(codes, axis=0)
        low, high = codes.min(axis=0), codes.max(axis=0)
        made: Codes = (low + (high - low) * rng.random(codes.shape)).astype(np.float32)
        return made

    def _trained(self, evaluation: ModelEvaluation, reconstructed: Tensor, recombined: Tensor) -> nn.Module:
        """Train a classifier to give recombined images (n, C, H, W) positive numbers, and negative ones to others."""
        with Rng.of("evaluation", evaluation.seed, "pipe").governing_torch():
            classifier = classifier_network(evaluation.dataset.image)
        classifier.to(evaluation.dataset.device)
        rng = evaluation.torch_rng("pipe")
        parameters = list(classifier.parameters())
        optimizer = OptimizerState(Adam(self.config.learning_rate), parameters)
        images = torch.cat([reconstructed, recombined])
        labels = (torch.arange(len(images), device=images.device) >= len(reconstructed)).float()
        size = min(self.config.batch_size, len(images))
        per_epoch = len(images) // size
        with torch.enable_grad():
            for step in range(max(1, self.config.examples // size)):
                if step % per_epoch == 0:
                    order = rng.permutation(len(images))
                chosen = order[step % per_epoch * size :][:size]
                loss = functional.binary_cross_entropy_with_logits(classifier(images[chosen])[:, 0], labels[chosen])
                optimizer.update(torch.autograd.grad(loss, parameters), step)
        return classifier.eval()


def classifier_network(image: ImageSpec) -> nn.Sequential:
    """(N, C, H, W) images to (N, 1) logits: convolutions of stride 2 to at most 4 pixels a side, then two dense layers.

    Each but the last is followed by batch normalisation and a ReLU; for 64x64 images these are the authors' layers.
    """
    layers: list[nn.Module] = []
    height, wide, inputs = image.height, image.width, image.channels
    while max(height, wide) > 4:
        outputs = CHANNELS[min(len(layers) // 3, len(CHANNELS) - 1)]
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        height, wide, inputs = height // 2, wide // 2, outputs
    last = [nn.Conv2d(inputs, LAST, (height, wide)), nn.BatchNorm2d(LAST), nn.ReLU(), nn.Flatten(), nn.Linear(LAST, 1)]
    return nn.Sequential(*layers, *last)


def _reconstructions(evaluation: ModelEvaluation, indices: Indices) -> Tensor:
    parts = np.array_split(indices, -(-len(indices) // BATCH))
    return torch.cat([evaluation.reconstruct(evaluation.images(part)) for part in parts])


@torch.no_grad()
def _accuracy(classifier: nn.Module, reconstructed: Tensor, recombined: Tensor) -> float:
    """The share of images that are told rightly."""
    right = [
        ((classifier(part)[:, 0] >= 0) == positive).sum()
        for positive, images in ((False, reconstructed), (True, recombined))
        for part in torch.split(images, BATCH)
    ]
    return float(torch.stack(right).sum()) / (len(reconstructed) + len(recombined))
