"""InfoGAN-CR (Lin et al., 2020), as in the authors' code."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from harness import Adam, Draws, Field, ImageSpec, Objective, Settings
from harness.nn import inference
from harness_gans.infogan_modified import NETWORKS, InfoGANModified
from harness_gans.pairs import make_pairs


class GapChange(Settings):
    """A new gap from some step on."""

    step: int = Field(gt=0, description="step before which the gap changes and CRD restarts")
    gap: float = Field(ge=0, lt=2, description="least difference of the codes a pair does not share")


class InfoGANCR(InfoGANModified):
    """InfoGAN-CR: InfoGAN (modified), joined at some step by a contrastive regulariser.

    The contrastive discriminator (CRD) guesses from two generated images which code they share; the generator
    *minimises* the same cross entropy. A step updates CRD, then D and Q, then the generator twice.

    Until `contrastive_start` the generator's loss lacks the regulariser, and training CRD has no effect on G, D
    or Q: it sees pairs that G makes in inference mode. At that step its weights and optimizer start afresh, and
    all that is left of its early training are its buffers (the vectors of spectral norm or the averages of batch
    norm). So `contrastive_early = false` leaves everything but those buffers as it is, and saves the time.

    With a `contrastive_weight` of 0 nothing switches on at all, and G, D and Q are InfoGAN (modified)'s.
    """

    class Config(InfoGANModified.Config):
        """The contrastive regulariser's settings beside InfoGAN (modified)'s."""

        codes: int = Field(5, gt=1, description="regularised codes, uniform in [-1, 1] (CdSprites 2)")
        contrastive_weight: float = Field(
            2.0,
            ge=0,
            description="weight of the contrastive term (1 in the authors' stand-alone script; teapots 3, CelebA 1)",
        )
        contrastive_start: int = Field(
            288_000,
            ge=0,
            description="step at which the contrastive term switches on and CRD restarts "
            "(teapots 50000, CelebA 80000, CdSprites 216000)",
        )
        contrastive_early: bool = Field(
            True, description="train CRD before that step too, as the authors' code does; false saves its time"
        )
        contrastive_learning_rate: float = Field(2e-3, gt=0, description="Adam's learning rate for CRD (CelebA 2e-4)")
        gap: float = Field(0.0, ge=0, lt=2, description="least difference of the codes that a pair does not share")
        gap_changes: tuple[GapChange, ...] = Field(
            (), description="later gaps, each with a restart of CRD (teapots: gap 1.9, then 0 at step 85000)"
        )

    config: Config

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        # Last, so that the networks shared with InfoGAN (modified) begin alike.
        self.contrast = NETWORKS[config.networks].contrast(image, config.codes, config.width)

    def schedule(self, step: int) -> Mapping[str, float]:
        """The gap of a step: the least difference of the codes that a pair does not share."""
        past = [change for change in self.config.gap_changes if change.step <= step]
        return {"gap": max(past, key=lambda change: change.step).gap if past else self.config.gap}

    def milestones(self) -> Mapping[str, int]:
        """The switch-on, if the term has a weight, and each change of the gap."""
        changes = {f"gap_changes[{i}]": change.step for i, change in enumerate(self.config.gap_changes)}
        return {"contrastive_start": self.config.contrastive_start, **changes} if self.config.contrastive_weight else {}

    def objectives(self) -> list[Objective]:
        """An update of CRD, one of D and Q, then two of G."""
        discriminator, generator = super().objectives()
        contrast = Objective(
            "contrast",
            trains=[self.contrast],
            loss=self.early_contrast_loss,
            optimizer=Adam(self.config.contrastive_learning_rate, betas=(0.5, 0.999)),
            when=self.contrast_trains,
            reset_at=[change.step for change in self.config.gap_changes],
        )
        if self.config.contrastive_weight > 0:
            start = self.config.contrastive_start
            contrast = replace(
                contrast,
                loss={0: self.early_contrast_loss, start: self.contrast_loss},
                reset_at=[*contrast.reset_at, start],
            )
            generator = replace(generator, loss={0: self.generator_loss, start: self.contrastive_generator_loss})
        return [contrast, discriminator, generator]

    def contrast_trains(self, step: int) -> bool:
        """Whether CRD is trained at a step."""
        on = self.config.contrastive_weight > 0 and step >= self.config.contrastive_start
        return on or self.config.contrastive_early

    def early_contrast_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """CRD's cross entropy in nats, on pairs that G makes in inference mode."""
        with torch.no_grad(), inference(self.generator):
            first, second = self.generator(torch.cat(make_pairs(draws, draws["gap"]))).chunk(2)
        return {"cross_entropy": self.cross_entropy(first, second, draws)}

    def contrast_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """CRD's cross entropy in nats; each half of the pairs is a batch of its own to G's batch norm."""
        first, second = make_pairs(draws, draws["gap"])
        with torch.no_grad():
            first, second = self.generator(first), self.generator(second)
        return {"cross_entropy": self.cross_entropy(first, second, draws)}

    def contrastive_generator_loss(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """InfoGAN (modified)'s terms and the weighted cross entropy, which G lowers together with CRD."""
        terms = self.generator_loss(images, draws)
        first, second = make_pairs(draws, draws["gap"])
        cross_entropy = self.cross_entropy(self.generator(first), self.generator(second), draws)
        return {**terms, "contrast": self.config.contrastive_weight * cross_entropy}

    def cross_entropy(self, first: Tensor, second: Tensor, draws: Draws) -> Tensor:
        """Cross entropy of CRD's guess which code two batches of images (N, C, H, W) share; ln(codes) is chance."""
        return functional.cross_entropy(self.contrast(torch.cat([first, second], dim=1)), draws["shared"])
