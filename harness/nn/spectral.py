"""Spectral normalisation (Miyato et al., 2018), pure and vmappable.

torch's own updates its vectors inside the forward pass and normalises with `out=`, which cannot be
vmapped. Here a forward pass does one power iteration from the *stored* vector u and changes nothing; u
advances by an explicit `update_spectral_norms`, once per training step (`Model.finish_step`).

With the weight as a matrix W of one row per output, v = normalise(Wᵀu), u' = normalise(Wv) and
σ = u'ᵀWv = |Wv|; the layer uses W / σ. Gradients flow through v and u' as well, as in the code of
Lin et al. (2020); most other implementations treat both as constants.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.nn.convolution import SameConv2d


class SpectralLinear(nn.Linear):
    """A linear layer whose weight has spectral norm about 1."""

    u: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("u", initial_vector(outputs))

    def forward(self, input: Tensor) -> Tensor:
        """(N, inputs) to (N, outputs)."""
        return functional.linear(input, normalised(self.weight, self.u), self.bias)


class SpectralConv2d(SameConv2d):
    """A convolution of stride 2 whose weight, as a matrix of one row per output channel, has spectral norm about 1."""

    u: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel)
        self.register_buffer("u", initial_vector(outputs))

    def forward(self, input: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / 2, W / 2)."""
        return self.convolve(input, normalised(self.weight, self.u))


def initial_vector(size: int) -> Tensor:
    """Where the power iteration starts: truncated normal, standard deviation 1, (size,).

    From torch's global generator, which the trial's own governs while a model is constructed: a buffer
    is not among the parameters that `Model.initialise` sets.
    """
    vector = torch.empty(size)
    nn.init.trunc_normal_(vector, a=-2.0, b=2.0)
    return vector


def normalised(weight: Tensor, u: Tensor) -> Tensor:
    """The weight (outputs, ...) divided by its spectral norm as estimated from u (outputs,)."""
    matrix = weight.flatten(1)
    towards = u @ matrix
    # σ = |Wv| with v = Wᵀu / |Wᵀu|. Neither v nor u' is made: a step of a GAN does this dozens of times, on weights so
    # small that each operation costs the same, whatever it computes.
    scale: Tensor = torch.linalg.vector_norm(towards) / torch.linalg.vector_norm(matrix @ towards)
    return weight * scale


def update_spectral_norms(network: nn.Module) -> None:
    """Advance u by one power iteration in every spectrally normalised layer of a network."""
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, SpectralLinear | SpectralConv2d):
                matrix = layer.weight.flatten(1)
                layer.u.copy_(functional.normalize(matrix @ (layer.u @ matrix), dim=0))
