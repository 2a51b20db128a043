"""Diversity of generated images by their structural similarity to each other."""

import torch

from harness import Field, ModelEvaluation, SampleMetric, Score, Settings
from harness_metrics.samples.similarity import ms_ssim, scales


class MultiScaleSimilarity(SampleMetric):
    """Mean multi-scale structural similarity (MS-SSIM) of pairs of generated images, in [0, 1].

    Lower is more diverse, and is to be compared with the value of pairs of real images in the details (`real`),
    not with 0: noise is more diverse than any dataset. Above `real`, the samples show less variety than the data.

    Contrast and structure are compared in Gaussian windows of 11x11 pixels on up to five scales, each of half the
    size of the one before, as many as the window fits into: five from 176 pixels a side, three at 64x64, two at
    32x32 and 28x28, one below 22. The weights of the scales that there are are divided by their sum.
    """

    class Config(Settings):
        pairs: int = Field(1000, gt=0, description="pairs of generated images, and of real ones")

    source = (
        "Wang et al. 2003, Multiscale Structural Similarity; of random pairs of samples: "
        "Odena et al. 2017, arXiv:1610.09585, section 4.2"
    )
    needs = ("generate",)
    higher_is_better = False
    range = (0, 1)

    config: Config

    @torch.no_grad()
    def score(self, evaluation: ModelEvaluation) -> Score:
        """The mean over pairs of samples.

        Details hold the mean over pairs of training images (`real`), the standard deviations over pairs (`std`,
        `real_std`) and the number of scales.
        """
        samples = evaluation.samples(2 * self.config.pairs)
        fake = torch.cat([ms_ssim(*part.chunk(2)) for part in torch.split(samples, 200)])
        # Each image once, as far as there are enough; fewer pairs otherwise.
        chosen = evaluation.rng("ms-ssim").permutation(evaluation.trained_on)[: 2 * self.config.pairs]
        pairs = chosen[: len(chosen) // 2 * 2].reshape(2, -1)
        parts = [pairs[:, start : start + 100] for start in range(0, pairs.shape[1], 100)]
        real = torch.cat([ms_ssim(evaluation.images(first), evaluation.images(second)) for first, second in parts])
        details = {
            "real": real.mean().item(),
            "std": fake.std(correction=0).item(),
            "real_std": real.std(correction=0).item(),
            "scales": scales(samples.shape[2], samples.shape[3]),
        }
        return Score(fake.mean().item(), details)
