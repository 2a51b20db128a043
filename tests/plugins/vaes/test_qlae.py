"""QLAE: latents of few values, gradients straight through, and what decays."""

import math

import pytest
import torch

from harness import AdamW, ImageSpec, ModelEvaluation, Rng
from harness.config import parse
from harness.model import build
from harness.nn import halvings
from harness.scoring.model_evaluation import join_alike
from harness_datasets.digits import Digits
from harness_vaes.qlae import QLAE, Quantiser

IMAGE = ImageSpec(1, 16, 16)


def make(image=IMAGE, **config):
    return build(QLAE, parse(QLAE.Config, {"width": 0.05, "latents": 3, "levels": 5, **config}, ""), image, Rng(0))


def batch(image=IMAGE, n=6):
    return torch.rand(n, image.channels, image.height, image.width, generator=torch.Generator().manual_seed(0))


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_the_papers_networks_have_its_sizes():
    image = ImageSpec(3, 64, 64)
    assert halvings(image) == 4
    model = make(image, width=1.0, latents=12, levels=10)
    encoder, decoder, inputs = 0, 256 * 4 * 4, 3
    for outputs in (32, 64, 128, 256):
        encoder += 9 * inputs * outputs + 9 * outputs**2 + 16 * outputs**2 + 3 * 2 * outputs
        inputs = outputs
    encoder += (4096 * 256 + 256) + (256 * 256 + 256) + (256 * 12 + 12)
    decoder += (12 * 256 + 256) + (256 * 256 + 256)
    inputs = 256
    for outputs in (256, 128, 64, 32):
        decoder += 9 * inputs * outputs + 9 * outputs**2 + 16 * outputs**2 + 3 * (256 * 2 * outputs + 2 * outputs)
        inputs = outputs
    decoder += 9 * 32 * 3
    assert size(model.encoder) == encoder
    assert size(model.decoder) == decoder
    assert size(model.quantiser) == 120
    with torch.no_grad():
        assert model.reconstruct(batch(image, 2)).shape == (2, 3, 64, 64)


def test_each_latent_takes_the_nearest_of_its_own_values():
    quantiser = Quantiser(2, 3)
    assert quantiser.values.tolist() == [-0.5, 0.0, 0.5] * 2
    quantiser.values.data = torch.tensor([-1.0, 0.0, 1.0, 5.0, 6.0, 8.0])
    found = quantiser(torch.tensor([[0.4, 0.4], [-9.0, 6.9], [0.6, 7.1]]))
    assert found.nearest.tolist() == [[0.0, 5.0], [-1.0, 6.0], [1.0, 8.0]]


def test_the_loss_by_hand():
    model, images = make(quantisation_weight=0.3, commitment_weight=0.7), batch()
    continuous = model.encoder(images)
    values = model.quantiser.values.view(3, 5)
    nearest = torch.stack(
        [torch.stack([min(values[d], key=lambda v, z=z: abs(v - z)) for d, z in enumerate(row)]) for row in continuous]
    )
    made = model.generate(nearest)
    error = -(images * made.log() + (1 - images) * (1 - made).log()).mean()
    distance = (continuous - nearest).square().mean()
    terms = model.error(images, {})
    torch.testing.assert_close(terms["reconstruction"], error)
    torch.testing.assert_close(terms["quantisation"], 0.3 * distance)
    torch.testing.assert_close(terms["commitment"], 0.7 * distance)
    torch.testing.assert_close(model.encode(images), nearest)


def test_gradients_pass_straight_through_and_each_side_is_pulled_by_its_own_term():
    model, images = make(), batch()
    encoder, values = list(model.encoder.parameters()), [model.quantiser.values]
    terms = model.error(images, {})

    def reached(term, parameters):
        gradients = torch.autograd.grad(terms[term], parameters, retain_graph=True, allow_unused=True)
        return any(gradient is not None and bool(gradient.any()) for gradient in gradients)

    assert reached("reconstruction", encoder)
    assert not reached("reconstruction", values)
    assert reached("quantisation", values)
    assert not reached("quantisation", encoder)
    assert reached("commitment", encoder)
    assert not reached("commitment", values)


def test_weights_decay_and_biases_and_values_do_not():
    [objective] = make(weight_decay=0.2, clip_value=0.5).objectives()
    expected = AdamW(1e-3, weight_decay=0.2, decay_vectors=False, clip_value=0.5)
    assert objective.optimizer == expected
    decaying = [name for name, p in make().named_parameters() if p.dim() > 1]
    assert "quantiser.values" not in decaying
    assert not [name for name in decaying if name.endswith(("bias", "shift"))]


def test_the_prior_draws_every_value_that_was_learnt_equally_often():
    model = make(levels=4)
    learnt = torch.tensor([[-3.0, -0.1, 0.0, 2.0], [0.5, 0.6, 0.7, 9.0], [-0.5, 0.0, 0.25, 0.5]])
    model.load_state_dict({**model.state_dict(), "quantiser.values": learnt.flatten()})
    drawn = model.latents.draw(20_000, Rng(1))
    for latent, values in enumerate(learnt):
        found, counts = drawn[:, latent].unique(return_counts=True)
        assert torch.equal(found, values)
        assert (counts / 20_000).tolist() == pytest.approx([0.25] * 4, abs=0.02)
    assert drawn.T.corrcoef().fill_diagonal_(0).abs().max() < 0.03
    assert model.latents.parts["latents"].entropy == pytest.approx(3 * math.log(4))


def test_models_evaluated_together_are_each_given_values_of_their_own():
    dataset = Digits(Digits.Config())
    dataset.load("cpu")

    def evaluations():
        for reach in (1.0, 30.0):
            model = make(dataset.image)
            model.quantiser.values.data *= reach
            yield ModelEvaluation(model.eval(), dataset)

    alone, together = list(evaluations()), list(evaluations())
    notes = []
    join_alike(together, notes.append)
    for one, joined in zip(alone, together, strict=True):
        torch.testing.assert_close(joined.samples(20), one.samples(20), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(alone[0].samples(20), alone[1].samples(20), atol=1e-2)
    assert not notes
