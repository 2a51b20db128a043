"""Tripod: levels, multiinformation and mixed curvature."""

import math
from typing import NamedTuple

import pytest
import torch
from scipy.stats import norm
from torch import nn

from harness import AdamW, ImageSpec, Rng
from harness.config import parse
from harness.model import build
from harness_vaes.residual_networks import Decoded
from harness_vaes.tripod import Tripod, multiinformation

IMAGE = ImageSpec(1, 16, 16)


def make(image=IMAGE, **config):
    return build(Tripod, parse(Tripod.Config, {"width": 0.05, "latents": 3, "levels": 5, **config}, ""), image, Rng(0))


def batch(image=IMAGE, n=6):
    return torch.rand(n, image.channels, image.height, image.width, generator=torch.Generator().manual_seed(0))


def size(module):
    return sum(p.numel() for p in module.parameters())


def conv(inputs, outputs, kernel):
    return kernel**2 * inputs * outputs + outputs


def test_the_authors_networks_have_its_sizes():
    image = ImageSpec(3, 64, 64)
    model = make(image, width=1.0, latents=12)
    encoder, inputs = 0, 3
    for channels in (32, 64, 128, 256):
        if inputs != channels:
            encoder += conv(inputs, channels, 1)
        encoder += conv(inputs, channels, 3) + 3 * conv(channels, channels, 3) + 4 * 2 * channels
        encoder += conv(4 * channels, 2 * channels, 1)
        inputs = 2 * channels
    encoder += conv(512, 512, 1) + 2 * 512 + conv(512, 12, 1)
    decoder = 512 * 16 + conv(12, 256, 1) + conv(256, 256, 1) + 4 * 256
    for channels, outputs in ((512, 256), (256, 128), (128, 64), (64, 3)):
        decoder += 4 * (conv(channels, channels, 3) + conv(256, 2 * channels, 1)) + conv(channels, outputs, 3)
    assert size(model.encoder) == encoder
    assert size(model.decoder) == decoder
    with torch.no_grad():
        decoded = model.decoder(torch.zeros(2, 12))
    assert decoded.logits.shape == (2, 3, 64, 64)
    assert [tuple(layer.shape[1:]) for layer in decoded.hidden] == [(256,), (256, 8, 8), (128, 16, 16), (64, 32, 32)]


def test_latents_take_levels_evenly_spread_from_minus_one_to_one():
    model = make(levels=5)
    latents = torch.tensor([[-3.0, -0.8, -0.7], [0.2, 0.3, 0.9]])
    assert model.rounded(latents).tolist() == [[-1.0, -1.0, -0.5], [0.0, 0.5, 1.0]]
    drawn = model.rounded(model.latents.draw(40_000, Rng(0)))
    shares = torch.stack([(drawn == level).float().mean() for level in (-1, -0.5, 0, 0.5, 1)])
    assert shares == pytest.approx(0.2, abs=0.01)
    assert torch.equal(model.continuous(batch()), model.encoder(2 * batch() - 1).tanh())
    codes = model.encode(batch())
    assert torch.equal(model.rounded(codes), codes)
    assert torch.equal(model.generate(codes), model.reconstruct(batch()))


def test_multiinformation_by_hand():
    latents = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
    deviation = latents.std(dim=0, correction=0)
    n, d = latents.shape
    factor = (4 / (d + 2)) ** (1 / (d + 4)) * n ** (-1 / (d + 4))
    total = 0.0
    for point in latents.numpy():
        narrow, wide = (
            [
                [norm(centre[k], scale * deviation[k].item()).pdf(point[k]) for k in range(d)]
                for centre in latents.numpy()
            ]
            for scale in (factor, 1.0)
        )
        joint = sum(first * second for first, second in narrow) / n
        total += math.log(joint) - sum(math.log(sum(centre[k] for centre in wide) / n) for k in range(d))
    assert multiinformation(latents, deviation).item() == pytest.approx(total / n)


def test_latents_that_are_copies_of_each_other_share_more():
    independent = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    copied = independent[:, :1].expand(-1, 2)
    assert multiinformation(copied, copied.std(0)) > multiinformation(independent, independent.std(0)) + 0.3


class Quadratic(nn.Module):
    """Units of which each is a quadratic form of the latents; second differences of a quadratic are exact."""

    def __init__(self, *forms):
        super().__init__()
        self.forms = torch.tensor(forms)

    def forward(self, latents):
        units = torch.einsum("nk,ukl,nl->nu", latents, self.forms, latents) / 2
        return Decoded(units, [units])


@pytest.mark.parametrize(("form", "share"), [([[3.0, 0.0], [0.0, 5.0]], 0.0), ([[0.0, 2.0], [2.0, 0.0]], 1.0)])
def test_curvature_counts_second_derivatives_between_different_latents(form, share):
    model = make(latents=2)
    model.decoder = Quadratic(form)
    latents, deviation = torch.zeros(4000, 2), torch.tensor([0.5, 2.0])
    draws = model.draw(4000, Rng(0))
    # Of two directions the variance is half of what it is of many: 0.5 times twice the sum of squares.
    [mixed] = model.curvature(latents, deviation, model.decoder(latents), draws["signs"])
    [every] = model.curvature(latents, deviation, model.decoder(latents), draws["normals"])
    scaled = torch.tensor(form) * torch.outer(deviation, deviation)
    assert mixed.mean().item() == pytest.approx(
        (scaled.square().sum() - scaled.diagonal().square().sum()).item(), rel=0.1
    )
    assert every.mean().item() == pytest.approx(scaled.square().sum().item(), rel=0.1)
    assert (mixed.mean() / every.mean()).item() == pytest.approx(share, abs=0.1)


def test_the_loss_is_reconstruction_and_both_terms_with_their_weights():
    class Terms(NamedTuple):
        reconstruction: float
        multiinformation: float
        curvature: float

    draws = make().draw(6, Rng(1))
    plain, weighed = (
        Terms(**{name: term.item() for name, term in make(**weights).error(batch(), draws).items()})
        for weights in (
            {"multiinformation_weight": 1.0, "curvature_weight": 1.0},
            {"multiinformation_weight": 0.5, "curvature_weight": 0.0},
        )
    )
    assert weighed == pytest.approx(Terms(plain.reconstruction, plain.multiinformation / 2, 0.0))
    model = make()
    logits = model.decoder(model.encode(batch())).logits
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch()).item()
    assert plain.reconstruction == pytest.approx(expected, rel=1e-5)
    # Four layers at most would count 4; each layer's share lies between 0 and about 1.
    assert 0 < plain.curvature < 4 * 3


def test_gradients_reach_the_encoder_straight_through():
    model = make()
    sum(model.error(batch(), model.draw(6, Rng(1))).values()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.encoder.maps[0].parameters())


def test_the_authors_optimizer():
    [objective] = make().objectives()
    assert objective.optimizer == AdamW(2e-4, weight_decay=0.0, clip_value=1.0)
