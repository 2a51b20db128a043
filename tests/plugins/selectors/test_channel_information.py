"""Channel information: what channels carry and share, against sums and integrals done by hand."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch.distributions import Independent, Normal, OneHotCategorical

from harness import ImageSpec, Model, ModelEvaluation, NotApplicableError, Settings
from harness.testing.pictures import Squares
from harness_selectors.channel_information import ChannelInformation, shared_information

IMAGE = ImageSpec(1, 16, 16)


POINTS = np.linspace(-30, 30, 20_001)


def overlap(first, second):
    """The integral of the root of the product of two normal densities, by the trapezoidal rule."""
    return np.trapezoid(np.sqrt(norm.pdf(POINTS, *first) * norm.pdf(POINTS, *second)), POINTS)


def by_hand(tables):
    """Bits and likenesses from overlaps (C, N, N), term by term."""

    def bits(product):
        return -np.mean([np.log2(row.mean()) for row in product])

    alone = [bits(table) for table in tables]
    likeness = np.empty((len(tables), len(tables)))
    for i, j in itertools.product(range(len(tables)), repeat=2):
        mutual = alone[i] + alone[j] - bits(tables[i] * tables[j])
        own = [2 * alone[k] - bits(tables[k] ** 2) for k in (i, j)]
        likeness[i, j] = mutual / np.sqrt(own[0] * own[1])
    return alone, likeness


class Known(Model):
    """Infers the levels of some factors of `Squares`, each as a normal distribution, and what is given besides."""

    def __init__(self, columns, deviation=0.3, category=False):
        super().__init__(Settings(), IMAGE)
        self.columns, self.deviation, self.category = columns, deviation, category

    def levels(self, images):
        known = squares().images(torch.arange(108)).flatten(1)
        index = torch.cdist(images.flatten(1), known).argmin(dim=1)
        return torch.from_numpy(squares().factors.ids(index.numpy())).float()

    def encode(self, images):
        return torch.stack([column(self.levels(images)) for column in self.columns], dim=1)

    def posterior(self, images):
        found = {"latents": Independent(Normal(self.encode(images), self.deviation), 1)}
        if self.category:
            logits = torch.nn.functional.one_hot(self.levels(images)[:, 0].long(), 3) * 8.0
            found["category"] = OneHotCategorical(logits=logits)
        return found


def squares():
    pictures = Squares(IMAGE)
    pictures.load()
    return pictures


def factor(number, scale=1.0):
    return lambda levels: scale * levels[:, number]


def compare(models, **config):
    evaluations = [ModelEvaluation(model, squares()) for model in models]
    return ChannelInformation(ChannelInformation.Config(points=120, **{"within": "pool", **config})).compare(
        evaluations
    )


def test_information_and_likeness_are_those_of_the_paper_s_formulas():
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=(3, 12)), rng.uniform(0.3, 2, size=(3, 12))
    tables = [
        np.array([[overlap(a, b) for b in zip(*channel, strict=True)] for a in zip(*channel, strict=True)])
        for channel in zip(means, deviations, strict=True)
    ]
    bits, likeness = by_hand(tables)
    found = shared_information([lambda rows, table=table: torch.from_numpy(table[rows]) for table in tables], 12)
    assert found.bits == pytest.approx(bits)
    assert found.likeness == pytest.approx(np.clip(likeness, 0, 1))
    assert found.likeness.diagonal() == pytest.approx(1)


def test_latents_that_say_the_same_agree_whatever_their_order_sign_and_scale():
    plain = Known([factor(0), factor(1), factor(2)])
    turned = Known([factor(2, -1.0), factor(0), factor(1)])
    stretched = Known([factor(1, 10.0), factor(2, 10.0), factor(0, -10.0)], deviation=3.0)
    mixed = Known([lambda levels: levels @ torch.tensor([1.0, 1.0, 1.0]), factor(1), factor(2)])
    found = compare([plain, turned, stretched, mixed])
    assert found[:3, :3][~np.eye(3, dtype=bool)] == pytest.approx(1, abs=1e-6)
    assert found.diagonal() == pytest.approx(0)
    assert (found[3, :3] < 0.95).all()
    assert (found[:3, 3] < 0.95).all()
    selector = ChannelInformation(ChannelInformation.Config())
    assert np.argmin(selector.scores(found)) == 3


def test_a_category_is_one_channel_and_the_same_as_a_latent_that_tells_its_levels_apart():
    told = Known([factor(1), factor(2)], category=True)
    found = compare([told, Known([factor(0, 10.0), factor(1), factor(2)])])
    assert found[0, 1] == pytest.approx(1, abs=0.01)
    assert found[1, 0] == pytest.approx(1, abs=0.01)


def test_channels_without_information_do_not_count_and_a_model_of_nothing_else_agrees_with_nothing():
    idle = Known([factor(0, 0.0), factor(1), factor(2)])
    whole = Known([factor(1), factor(2)])
    silent = Known([factor(0, 0.0)])
    found = compare([idle, whole, silent])
    assert found[0, 1] == pytest.approx(1)
    assert found[1, 0] == pytest.approx(1)
    assert not found[2].any()
    assert not found[:, 2].any()


def test_posteriors_of_other_kinds_are_not_applicable():
    class Other(Known):
        def posterior(self, images):
            return {"latents": torch.distributions.Exponential(self.encode(images) + 1)}

    with pytest.raises(NotApplicableError, match="Exponential overlap"):
        compare([Other([factor(0)]), Other([factor(1)])])
