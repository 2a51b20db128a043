"""PIPE: which models' recombined codes can be told apart, and how they are recombined."""

import numpy as np
import pytest
import torch

from harness import ImageSpec, LatentSpace, Model, ModelEvaluation, NotApplicableError, Settings, Uniform
from harness.testing.pictures import Squares
from harness_metrics.samples.pipe import PIPE, classifier_network

IMAGE = ImageSpec(1, 16, 16)
SIZES = (3, 6, 6)


class Perfect(Model):
    """Its codes are the factors of `Squares`, between 0 and 1, and it draws any combination of them."""

    width = 3

    def __init__(self, pictures):
        super().__init__(Settings(), IMAGE)
        self.latents = LatentSpace({"latents": Uniform(self.width, 0.0, 1.0)})
        self.pictures = pictures

    def levels(self, images):
        known = self.pictures.images(torch.arange(108)).flatten(1)
        index = torch.cdist(images.flatten(1), known).argmin(dim=1)
        return torch.from_numpy(self.pictures.factors.ids(index.numpy()))

    def encode(self, images):
        return self.levels(images).float() / (torch.tensor(SIZES) - 1)

    def generate(self, latents):
        levels = (latents.clamp(0, 1) * (torch.tensor(SIZES) - 1)).round().long()
        return self.pictures.images(torch.from_numpy(self.pictures.factors.indices(levels.numpy())))

    def reconstruct(self, images):
        return self.generate(self.encode(images))


class Twice(Perfect):
    """It codes the row twice, and draws a square at either place."""

    width = 2

    def encode(self, images):
        return self.levels(images)[:, [1, 1]].float() / 5

    def generate(self, latents):
        middle = torch.full_like(latents[:, :1], 0.5)
        whole = [super(Twice, self).generate(torch.cat([middle, row[:, None], middle], 1)) for row in latents.unbind(1)]
        return torch.maximum(*whole)


def score(model_class, **settings):
    pictures = Squares(IMAGE)
    pictures.load()
    quick = {"samples": 400, "examples": 3000, "learning_rate": 1e-3}
    return PIPE(PIPE.Config(**{**quick, **settings})).score(ModelEvaluation(model_class(pictures), pictures))


@pytest.mark.parametrize("codes", ["uniform", "shuffled"])
def test_codes_that_combine_freely_cannot_be_told_apart_and_entangled_ones_can(codes):
    free, entangled = score(Perfect, codes="shuffled"), score(Twice, codes=codes)
    # 400 test images at chance: accuracy 0.5 +- 0.025; of two rows drawn at random 1 in 6 pairs is a real one.
    assert free.value == pytest.approx(1, abs=0.15)
    assert entangled.value < 0.35
    for found in (free, entangled):
        assert found.value == pytest.approx(2 * (1 - found.details["accuracy"]))


def test_recombined_codes_keep_each_columns_values_or_its_range():
    codes = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32).repeat(2, axis=1)
    shuffled, uniform = (
        PIPE(PIPE.Config(codes=kind)).recombined(codes, np.random.default_rng(1)) for kind in ("shuffled", "uniform")
    )
    assert np.array_equal(np.sort(shuffled, axis=0), np.sort(codes, axis=0))
    assert abs(np.corrcoef(shuffled.T)[0, 1]) < 0.15
    assert (uniform >= codes.min(axis=0)).all()
    assert (uniform <= codes.max(axis=0)).all()
    assert abs(np.corrcoef(uniform.T)[0, 1]) < 0.15
    assert uniform.std(axis=0) == pytest.approx(np.ptp(codes, axis=0) / np.sqrt(12), rel=0.1)


def test_the_classifier_has_the_authors_size_for_64_pixels():
    sizes = [p.numel() for p in classifier_network(ImageSpec(3, 64, 64)).parameters()]
    convolutions = [16 * 3 * 32, 16 * 32 * 32, 16 * 32 * 64, 16 * 64 * 64, 16 * 64 * 512]
    channels = [32, 32, 64, 64, 512]
    assert sum(sizes) == sum(convolutions) + 3 * sum(channels) + 512 + 1


def test_a_generator_that_is_fed_more_than_codes_does_not_apply():
    class Noisy(Perfect):
        def __init__(self, pictures):
            super().__init__(pictures)
            self.latents = LatentSpace({"latents": Uniform(3), "noise": Uniform(2)}, codes=["latents"])

    with pytest.raises(NotApplicableError, match="3 codes are no input of a generator that is fed 5 numbers"):
        score(Noisy)
