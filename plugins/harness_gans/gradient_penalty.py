"""The gradient penalty of WGAN-GP (Gulrajani et al., 2017), for a critic of anything."""

import torch
from torch import Tensor, nn
from torch.func import grad


def gradient_penalty(critic: nn.Module, reals: Tensor, fakes: Tensor, mixture: Tensor) -> Tensor:
    """E (|∇f(x̂)| - 1)² with x̂ on the line from real to fake (the paper's equation 3, without λ); scalar.

    Args:
        critic: f, which must not mix the examples of a batch.
        reals: (N, ...).
        fakes: the same shape.
        mixture: how far x̂ lies from real to fake, in [0, 1]; of a shape (N, 1, ...) with as many dimensions.
    """
    return (slopes(critic, torch.lerp(reals, fakes, mixture)) - 1).square().mean()


def slopes(critic: nn.Module, inputs: Tensor) -> Tensor:
    """|∇f| at each of (N, ...) inputs, (N,): the Euclidean norm over all but the first dimension; differentiable."""

    def total(inputs: Tensor) -> Tensor:
        scores: Tensor = critic(inputs).sum()
        return scores

    # No layer of the critic mixes examples, so the gradient of the sum holds each example's own.
    gradients: Tensor = grad(total)(inputs)
    norms: Tensor = torch.linalg.vector_norm(gradients, dim=tuple(range(1, inputs.dim())))
    return norms
