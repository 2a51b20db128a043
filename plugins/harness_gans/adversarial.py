"""The GAN's losses in the non-saturating form (Goodfellow et al., 2014), as the InfoGAN family's code has them."""

from torch import Tensor

TINY = 1e-8
"""What the code adds to a probability before its logarithm: no example can cost more than 18.4 nats."""


def called_real(logits: Tensor) -> Tensor:
    """-E log D: small where the discriminator calls the images real; scalar, in nats."""
    return -(logits.sigmoid() + TINY).log().mean()


def called_fake(logits: Tensor) -> Tensor:
    """-E log(1 - D): small where the discriminator calls the images fake; scalar, in nats."""
    return -((-logits).sigmoid() + TINY).log().mean()
