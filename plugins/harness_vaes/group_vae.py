"""GroupVAE (Hosoya, 2019): pairs of images of which it is known how many factors they share."""

from typing import Literal

from torch import Tensor

from harness import Draws, Field
from harness_vaes.paired_vae import PairedVAE, precision_weighted


class GroupVAE(PairedVAE):
    """GroupVAE (Hosoya, 2019), as Locatello et al. (2020) have it: a beta-VAE of pairs that differ in k known factors.

    The k latents of largest divergence between the two posteriors are kept apart, the others averaged. k is the number
    of factors in which the two images of a pair do differ, which may be none.
    """

    source = (
        "Hosoya, Group-based Learning of Disentangled Representations with Generalizability for Novel Contents, "
        "IJCAI 2019 (arXiv:1809.02383); Locatello et al., 2020 (arXiv:2002.02886), section 4"
    )

    class Config(PairedVAE.Config):
        """The average beside the settings of every VAE of pairs."""

        averaging: Literal["mean", "product"] = Field(
            "mean",
            description="what shared posteriors become: the mean of both (GroupVAE), or the mean of their product with "
            "the harmonic mean of their variances (ML-VAE)",
        )

    config: Config

    def keeps(self, divergences: Tensor, draws: Draws) -> Tensor:
        """Which latents are among the k of largest divergence, bool (N, D)."""
        places = divergences.argsort(dim=1, descending=True).argsort(dim=1)
        return places < draws["changed"].sum(dim=1, keepdim=True)

    def average(self, mean: Tensor, other: Tensor, variance: Tensor, other_variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of what two Gaussians (N, D) become."""
        how = super().average if self.config.averaging == "mean" else precision_weighted
        return how(mean, other, variance, other_variance)
