"""Variation predictability: can it be seen which code changed between two generated images?"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Adam, Field, ImageSpec, ModelEvaluation, Rng, SampleMetric, Score, Settings
from harness.nn import OptimizerState
from harness_metrics.samples.latent_directions import code_mover, sefa_mover

BATCH = 500
"""Pairs judged at a time."""


class VariationPredictability(SampleMetric):
    """VP score (Zhu et al., 2020), in [0, 1]: a few pairs teach a classifier which code two images differ in.

    Both images of a pair are generated from one latent vector but for one of its codes, drawn anew. Where each code
    changes one thing, and always the same, a tenth of the pairs suffices to tell for the others which it was; chance
    is 1 of the number of codes. Neither an encoder nor ground truth is needed. A generator without codes, such as
    DCGAN's, is moved along the directions of SeFa, `directions = "sefa"`.

    All models meet a classifier of the same initial parameters and orders. The authors train it for 200 epochs and
    take the best of all, which favours many epochs; here it is the last. The label is the code that changed: the
    authors' code reads it as the largest of the signed differences, which is another code where that is negative.
    """

    class Config(Settings):
        """What is moved, and how the classifier learns."""

        directions: Literal["codes", "sefa"] = Field(
            "codes", description="what changes between two images: a code, or the position along a direction of SeFa"
        )
        count: int = Field(10, gt=1, description="directions of SeFa, those that the first layer amplifies most")
        pairs: int = Field(10_000, gt=19, description="pairs of images")
        training_share: float = Field(0.1, gt=0, lt=1, description="the share of pairs that the classifier learns from")
        epochs: int = Field(30, gt=0, description="how often it sees each; 200 in the authors' code")
        batch_size: int = Field(32, gt=1, description="pairs of an update")
        learning_rate: float = Field(0.01, gt=0, description="Adam's, of the classifier")

    source = (
        "Zhu et al. 2020, Learning Disentangled Representations with Latent Variation Predictability, "
        "arXiv:2007.12885, section 3.3; SeFa: Shen & Zhou 2021, arXiv:2007.06600"
    )
    needs = ("generate",)
    range = (0, 1)

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The share of the other pairs whose code is told; details hold the number of codes and chance.

        Raises:
            NotApplicableError: the generator is fed fewer than two codes, or SeFa cannot factorise its first layer.
        """
        settings = self.config
        if settings.directions == "codes":
            classes, move = code_mover(evaluation)
        else:
            classes, move = sefa_mover(evaluation, settings.count)
        rng = evaluation.torch_rng("variation predictability")
        changed = rng.integers(settings.pairs, high=classes)
        latents = evaluation.latents("variation predictability", settings.pairs)
        pairs = torch.cat([evaluation.generate(latents), evaluation.generate(move(latents, changed))], dim=1)
        few = max(2, round(settings.training_share * settings.pairs))
        classifier = self._trained(evaluation, pairs[:few], changed[:few], classes)
        return Score(_accuracy(classifier, pairs[few:], changed[few:]), {"directions": classes, "chance": 1 / classes})

    def _trained(self, evaluation: ModelEvaluation, pairs: Tensor, changed: Tensor, classes: int) -> nn.Module:
        """Train a classifier of pairs (n, 2C, H, W) on the codes that changed (n,)."""
        with Rng.of("evaluation", evaluation.seed, "variation predictability").governing_torch():
            classifier = pair_classifier(evaluation.model.image, classes)
        classifier.to(pairs.device)
        rng = evaluation.torch_rng("variation predictability, orders")
        parameters = list(classifier.parameters())
        optimizer = OptimizerState(Adam(self.config.learning_rate), parameters)
        step = 0
        with torch.enable_grad():
            for _ in range(self.config.epochs):
                for chosen in torch.split(rng.permutation(len(pairs)), self.config.batch_size):
                    if len(chosen) > 1:
                        loss = functional.cross_entropy(classifier(pairs[chosen]), changed[chosen])
                        optimizer.update(torch.autograd.grad(loss, parameters), step)
                        step += 1
        return classifier.eval()


class _Signed(nn.Module):
    """Images between -1 and 1, as the classifier's authors feed them."""

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1] to [-1, 1]."""
        return 2 * images - 1


def pair_classifier(image: ImageSpec, classes: int) -> nn.Sequential:
    """Pairs of images stacked by channels, (N, 2C, H, W), to (N, classes) logits.

    Convolutions without bias, each followed by batch normalisation and a ReLU, as in the authors' code: 64 of kernel 7
    and stride 2, 64 of kernel 3, maximum of 3x3 with stride 2, 128 and 256 of kernel 3; the mean over the map; dense.
    """

    def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        made = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        return [made, nn.BatchNorm2d(outputs), nn.ReLU()]

    first = [_Signed(), *convolution(2 * image.channels, 64, 7, 2), *convolution(64, 64, 3), nn.MaxPool2d(3, 2, 1)]
    last = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, classes)]
    return nn.Sequential(*first, *convolution(64, 128, 3), *convolution(128, 256, 3), *last)


@torch.no_grad()
def _accuracy(classifier: nn.Module, pairs: Tensor, changed: Tensor) -> float:
    """The share of pairs whose code is told."""
    told = torch.cat([classifier(part).argmax(dim=1) for part in torch.split(pairs, BATCH)])
    return float((told == changed).double().mean())
