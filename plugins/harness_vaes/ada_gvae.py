"""Ada-GVAE and Ada-ML-VAE (Locatello et al., 2020): pairs of images that share an unknown number of factors."""

from typing import Literal

from torch import Tensor

from harness import Draws, Field
from harness_vaes.paired_vae import PairedVAE, precision_weighted


class AdaGVAE(PairedVAE):
    """Ada-GVAE (Locatello et al., 2020): a beta-VAE of pairs, whose posteriors are averaged where they are near.

    A latent is kept apart if the divergence of its two posteriors is at least half-way between the smallest and the
    largest of the pair's latents; the others become the arithmetic mean of both. Nobody says how many factors changed.
    """

    source = "Locatello et al., Weakly-Supervised Disentanglement Without Compromises, ICML 2020 (arXiv:2002.02886)"

    def keeps(self, divergences: Tensor, draws: Draws) -> Tensor:
        """Which latents differ by at least the threshold of their pair, bool (N, D)."""
        threshold = (divergences.amin(dim=1, keepdim=True) + divergences.amax(dim=1, keepdim=True)) / 2
        return divergences >= threshold


class AdaMLVAE(AdaGVAE):
    """Ada-ML-VAE (Locatello et al., 2020): Ada-GVAE with the product of two posteriors in place of their mean."""

    class Config(AdaGVAE.Config):
        """The variance of shared latents beside the settings of Ada-GVAE."""

        shared_variance: Literal["harmonic", "product"] = Field(
            "harmonic",
            description="variance of a shared latent: the harmonic mean of both (the authors' code), or that of the "
            "product of both densities, half of it (the paper, after ML-VAE)",
        )

    config: Config

    def average(self, mean: Tensor, other: Tensor, variance: Tensor, other_variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of the product of two Gaussians (N, D), and the variance that the settings ask for."""
        shared, harmonic = precision_weighted(mean, other, variance, other_variance)
        return shared, harmonic if self.config.shared_variance == "harmonic" else harmonic / 2
