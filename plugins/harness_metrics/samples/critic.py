"""An independent critic: trained after the fact to tell held-out images from samples."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from harness import (
    Adam,
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
from harness.nn import OptimizerState, to_double

PENALTY = 10.0
"""Weight of the gradient penalty (Gulrajani et al., 2017)."""


class WassersteinCritic(SampleMetric):
    """Approximate Wasserstein distance of samples from held-out images, by an independent critic; lower is better.

    After the model is trained, a critic is trained with the loss of WGAN-GP to tell the model's samples from one
    half of the held-out images. The score is the difference of its mean output on the other half and on as many
    new samples, so neither side was seen by the critic. It is (about) in units of the distance between images, the
    Euclidean norm over all pixels in [0, 1]; 0 where nothing was found to tell them apart.

    A model that copies its training images is nearer to them than to images that it has not seen: the details'
    `training` gap is then below the score, and about the same for a model that generalises.

    All models meet a critic of the same initial parameters and the same draws. How far it gets depends on its
    steps and width, which must be alike to compare.
    """

    class Config(Settings):
        steps: int = Field(1000, gt=0, description="updates of the critic")
        width: int = Field(32, gt=0, description="channels of the first convolution; each next one has twice as many")
        batch_size: int = Field(64, gt=0, description="real images, and samples, of an update; all if there are fewer")
        learning_rate: float = Field(1e-4, gt=0, description="Adam's, with betas 0.5 and 0.9 (WGAN-GP's for CIFAR-10)")
        samples: int = Field(10_000, gt=1, description="generated images; half train the critic, half score it")

    source = (
        "Rosca et al. 2017, Variational Approaches for Auto-Encoding GANs, arXiv:1706.04987; "
        "its loss: Gulrajani et al. 2017, arXiv:1704.00028"
    )
    needs = ("generate", "held_out")
    higher_is_better = False

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The gap on held-out images that the critic was not trained on.

        Details hold the gap on training images (`training`), that on the held-out images which trained the critic
        (`seen`), and the number of held-out images that the score is taken on.

        Raises:
            NotApplicableError: fewer than two images were held out.
        """
        if len(evaluation.held_out) < 2:
            raise NotApplicableError("a single image was held out; set training.held_out")
        seen, fresh = np.array_split(evaluation.rng("critic").permutation(evaluation.held_out), 2)
        samples = evaluation.samples(self.config.samples)
        shown, unseen = samples.tensor_split(2)
        critic = self._train(evaluation, seen, shown)
        training = evaluation.rng("critic, training images").permutation(evaluation.trained_on)[: len(unseen)]
        level = _mean(critic, unseen)
        gaps = {
            name: _mean_of_images(critic, evaluation, indices) - level
            for name, indices in {"held_out": fresh, "training": training, "seen": seen}.items()
        }
        return Score(gaps.pop("held_out"), {**gaps, "images": len(fresh)})

    def _train(self, evaluation: ModelEvaluation, real: Indices, samples: Tensor) -> nn.Module:
        """Train a critic to give high numbers to real images and low ones to samples."""
        with Rng.of("evaluation", evaluation.seed, "critic").governing_torch():
            critic = critic_network(evaluation.dataset.image, self.config.width)
        critic.to(evaluation.dataset.device)
        rng = evaluation.torch_rng("critic")
        indices = torch.from_numpy(real).to(evaluation.dataset.device)
        parameters = list(critic.parameters())
        optimizer = OptimizerState(Adam(self.config.learning_rate, betas=(0.5, 0.9)), parameters)
        with torch.enable_grad():
            for step in range(self.config.steps):
                chosen = rng.integers(min(self.config.batch_size, len(indices)), high=len(indices))
                fake = samples[rng.integers(len(chosen), high=len(samples))]
                mix = rng.uniform(len(chosen), 1, 1, 1)
                loss = critic_loss(critic, evaluation.dataset.images(indices[chosen]), fake, mix)
                optimizer.update(torch.autograd.grad(loss, parameters), step)
        return critic


def critic_network(image: ImageSpec, width: int) -> nn.Sequential:
    """(N, C, H, W) images to (N, 1) numbers: 5x5 convolutions of stride 2 until at most 4 pixels a side are left.

    Each is followed by a leaky ReLU of slope 0.2; there is no normalisation, as WGAN-GP asks for.
    """
    layers: list[nn.Module] = []
    height, wide, inputs, outputs = image.height, image.width, image.channels, width
    while not layers or max(height, wide) > 4:
        layers += [nn.Conv2d(inputs, outputs, kernel_size=5, stride=2, padding=2), nn.LeakyReLU(0.2)]
        height, wide = math.ceil(height / 2), math.ceil(wide / 2)
        inputs, outputs = outputs, 2 * outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * height * wide, 1))


def critic_loss(critic: nn.Module, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """E f(fake) - E f(real) + 10 E(|∇f(x)| - 1)², x between real and fake by `mix` (N, 1, 1, 1) in [0, 1]."""
    between = (real + mix * (fake - real)).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    loss: Tensor = critic(fake).mean() - critic(real).mean() + PENALTY * penalty
    return loss


@torch.no_grad()
def _mean(critic: nn.Module, images: Tensor) -> float:
    """The critic's mean output on images (n, C, H, W)."""
    return float(to_double(torch.cat([critic(part) for part in torch.split(images, 500)])).mean())


@torch.no_grad()
def _mean_of_images(critic: nn.Module, evaluation: ModelEvaluation, indices: Indices) -> float:
    """The critic's mean output on the dataset's images at indices (n,)."""
    parts = np.array_split(indices, -(-len(indices) // 500))
    return float(to_double(torch.cat([critic(evaluation.images(part)) for part in parts])).mean())
