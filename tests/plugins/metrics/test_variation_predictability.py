"""VP score: generators whose codes change one thing each, and such whose codes change all; SeFa's directions."""

import numpy as np
import pytest
import torch
from torch import nn

from harness import ImageSpec, LatentSpace, Model, ModelEvaluation, Normal, NotApplicableError, Settings, Uniform
from harness.testing.pictures import Squares
from harness_metrics.samples.latent_directions import first_weight, sefa_directions
from harness_metrics.samples.variation_predictability import VariationPredictability, pair_classifier

IMAGE = ImageSpec(1, 16, 16)
QUICK = {"pairs": 400, "training_share": 0.5, "epochs": 8, "learning_rate": 3e-3}


class Bars(Model):
    """Each of four codes is the brightness of one quarter of the image, or all of a mixture of them."""

    def __init__(self, mixture=None, noise=0):
        super().__init__(Settings(), IMAGE)
        self.latents = LatentSpace({"codes": Uniform(4, 0.0, 1.0), "noise": Normal(noise)}, codes=["codes"])
        self.mixture = torch.eye(4) if mixture is None else mixture

    def generate(self, latents):
        quarters = (latents[:, :4] @ self.mixture.T).clamp(0, 1)
        return quarters.view(-1, 1, 2, 2).repeat_interleave(8, 2).repeat_interleave(8, 3)


def evaluation(model):
    pictures = Squares(IMAGE)
    pictures.load()
    return ModelEvaluation(model, pictures)


def score(model, **settings):
    config = VariationPredictability.Config(**{**QUICK, **settings})
    return VariationPredictability(config).score(evaluation(model))


def test_codes_that_change_one_thing_each_are_told_apart_and_indistinct_ones_are_not():
    distinct, alike = score(Bars(noise=2)), score(Bars(torch.full((4, 4), 0.25)))
    # Not all of them: a code that is drawn anew may hardly change.
    assert distinct.value > 0.8
    # 200 pairs of 4 codes at chance: 0.25 +- 0.03.
    assert alike.value == pytest.approx(0.25, abs=0.12)
    assert distinct.details == {"directions": 4, "chance": 0.25}


class Dense(Bars):
    """Generates through a dense layer, or through a transposed convolution as DCGAN does."""

    def __init__(self, weight, transposed=False):
        super().__init__()
        self.latents = LatentSpace({"noise": Normal(weight.shape[1])}, codes=[])
        self.transposed = transposed
        if transposed:
            self.first = nn.ConvTranspose2d(weight.shape[1], 1, 2, bias=False)
            self.first.weight.data = weight.T.reshape(-1, 1, 2, 2).clone()
        else:
            self.first = nn.Linear(weight.shape[1], 4, bias=False)
            self.first.weight.data = weight.clone()

    def generate(self, latents):
        made = self.first(latents[:, :, None, None]) if self.transposed else self.first(latents)
        quarters = (0.5 + 0.1 * made).reshape(-1, 1, 2, 2).clamp(0, 1)
        return quarters.repeat_interleave(8, 2).repeat_interleave(8, 3)


def test_sefas_directions_are_the_eigenvectors_of_the_first_layer_whatever_its_kind():
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    rows = (weight / weight.norm(dim=1, keepdim=True)).double().numpy()
    values, vectors = np.linalg.eigh(rows.T @ rows)
    expected = vectors[:, np.argsort(values)[::-1][:3]].T
    for model in (Dense(weight), Dense(weight, transposed=True)):
        found = sefa_directions(first_weight(evaluation(model)), 3).double().numpy()
        assert np.abs(found @ expected.T) == pytest.approx(np.eye(3), abs=1e-5)


def test_a_generator_without_codes_is_scored_along_sefas_directions():
    turned = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(1))).Q
    weight = torch.diag(torch.tensor([1.0, 1.0, 1.0, 1.0])) @ turned
    with pytest.raises(NotApplicableError, match="fed 0 codes"):
        score(Dense(weight))
    found = score(Dense(weight), directions="sefa", count=4)
    assert found.details["directions"] == 4
    assert found.value > 0.6


def test_a_generator_that_does_not_begin_with_a_layer_of_its_latents_has_no_directions():
    with pytest.raises(NotApplicableError, match="first layer"):
        score(Bars(), directions="sefa")


def test_the_classifier_is_the_authors():
    network = pair_classifier(ImageSpec(3, 64, 64), 7)
    convolutions = 6 * 64 * 49 + 64 * 64 * 9 + 64 * 128 * 9 + 128 * 256 * 9
    norms = 2 * (64 + 64 + 128 + 256)
    assert sum(p.numel() for p in network.parameters()) == convolutions + norms + 256 * 7 + 7
    assert network(torch.rand(2, 6, 64, 64)).shape == (2, 7)
