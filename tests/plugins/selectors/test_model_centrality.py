import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness import Categorical, ImageSpec, LatentSpace, Model, ModelEvaluation, Normal, NotApplicableError, Uniform
from harness.dataset import Dataset
from harness_selectors.halving import ModelCentralityHalving
from harness_selectors.model_centrality import ModelCentrality, deviations, vote_accuracy

SPACE = LatentSpace({"codes": Uniform(3), "noise": Normal(1)}, codes=["codes"])
MIXED = np.eye(3) - 2 / 3  # a reflection: each code depends on every latent
SMALL = {"groups": 60, "group_size": 20, "std_points": 200}


class Images(Dataset):
    image = ImageSpec(1, 1, 3)

    def __len__(self):
        return 1


class Linear(Model):
    """Generates its codes times a matrix and encodes with another."""

    def __init__(self, generator, encoder=None, space=SPACE):
        super().__init__(self.Config(), Images.image)
        self.latents = space
        self.generator = nn.Parameter(torch.as_tensor(generator, dtype=torch.float32))
        encoder = np.linalg.pinv(generator) if encoder is None else encoder
        self.encoder = nn.Parameter(torch.as_tensor(encoder, dtype=torch.float32))
        self.generated, self.encoded = [], 0

    def generate(self, latents):
        self.generated.append(latents)
        return (latents[:, : len(self.generator)] @ self.generator)[:, None, None]

    def encode(self, images):
        self.encoded += len(images)
        return images.flatten(1) @ self.encoder


def pool(*models):
    return [ModelEvaluation(model, Images(Images.Config()), batch_size=70) for model in models]


def selector(**config):
    return ModelCentrality(ModelCentrality.Config(**SMALL | config))


def test_parity_with_the_authors_ranking(published):
    for example in published["model_centrality"].values():
        centrality = selector().scores(np.array(example["cross_factor_vae_scores"]))
        np.testing.assert_allclose(centrality, example["centrality"], atol=1e-12)
        assert np.argsort(centrality)[::-1].tolist() == example["ranking_best_first"]


def test_models_that_agree_are_central():
    permuted = np.eye(3)[[2, 0, 1]] * [1, -1, 1]
    comparisons = selector().compare(pool(Linear(np.eye(3)), Linear(MIXED), Linear(permuted)))
    assert np.diag(comparisons).tolist() == [1, 1, 1]
    assert comparisons[0, 2] == comparisons[2, 0] == 1
    assert selector().scores(comparisons).argmin() == 1


def test_models_that_encode_side_by_side_are_compared_with_equal_numbers():
    """And in their places, in whatever order their threads end."""
    models = [Linear(np.eye(3)), Linear(MIXED), Linear(np.diag([1, 2, 0]), np.eye(3)), Linear(np.eye(3), MIXED)]
    side_by_side = selector()
    side_by_side.at_once = 3
    one_by_one = selector().compare(pool(*models))
    np.testing.assert_array_equal(side_by_side.compare(pool(*models)), one_by_one)
    assert len(np.unique(one_by_one)) > 2


def test_without_room_for_threads_models_encode_one_by_one(monkeypatch):
    def full(self):
        raise RuntimeError("can't start new thread")

    models = [Linear(np.eye(3)), Linear(MIXED)]
    monkeypatch.setattr(threading.Thread, "start", full)
    alone = selector()
    alone.at_once = 2
    np.testing.assert_array_equal(alone.compare(pool(*models)), selector().compare(pool(*models)))


REHEARSED = 2
"""Whether a model is pure is seen by asking it for its first image twice."""


def test_each_image_is_generated_once_and_encoded_by_all():
    models = [Linear(np.eye(3)), Linear(MIXED)]
    selector().compare(pool(*models))
    images = SMALL["groups"] * SMALL["group_size"] + SMALL["std_points"]
    for model in models:
        assert sum(map(len, model.generated)) == images + REHEARSED
        assert model.encoded == 2 * images + REHEARSED


def test_models_with_one_latent_space_get_the_same_latents():
    models = [Linear(np.eye(3)), Linear(MIXED)]
    selector().compare(pool(*models))
    assert torch.equal(*(torch.cat(model.generated) for model in models))


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (
            LatentSpace({"codes": Uniform(2), "noise": Normal(2)}, codes=["codes"]),
            "2 codes from Uniform(",
        ),
        (LatentSpace({"codes": Normal(3)}), "3 codes from Normal(size=1)"),
        (LatentSpace({"codes": Uniform(3, low=0)}), "3 codes from Uniform(size=1, low=0"),
        (LatentSpace({"category": Categorical(3)}), "1 code from Categorical(size=3)"),
        (LatentSpace({"a": Uniform(1), "b": Normal(2)}), "2 codes from Normal(size=1), 1 code from Uniform("),
    ],
)
def test_models_of_another_latent_structure_are_not_compared(other, kind):
    models = pool(Linear(np.eye(3)), Linear(np.eye(3)), Linear(np.eye(3), space=other))
    assert selector().kind(models[2]).startswith(kind)
    with pytest.raises(NotApplicableError, match=r"these are 2 with 3 codes from Uniform\(.*\), 1 with ") as error:
        selector().compare(models)
    assert f"1 with {kind}" in str(error.value)


def test_noise_and_the_division_into_parts_make_no_other_structure():
    apart = LatentSpace({"one": Uniform(1), "two": Uniform(2), "noise": Uniform(1)}, codes=["one", "two"])
    models = pool(Linear(np.eye(3)), Linear(np.eye(3), space=apart))
    assert len({selector().kind(model) for model in models}) == 1
    assert selector().compare(models).tolist() == [[1, 1], [1, 1]]


def test_a_model_that_was_not_compared_with_all_has_no_score():
    comparisons = np.array([[1, 0.2, 0.6], [0.4, 1, np.nan], [0.8, 0.5, 1]])
    np.testing.assert_allclose(selector().scores(comparisons), [0.5, np.nan, np.nan])


def test_a_collapsed_generator_and_a_dead_encoder_agree_with_nothing():
    zeros = np.zeros((3, 3))
    comparisons = selector().compare(pool(Linear(np.eye(3)), Linear(zeros, np.eye(3)), Linear(np.eye(3), zeros)))
    assert comparisons[0, 0] == comparisons[0, 2] == 1
    assert comparisons[:, 1].tolist() == [0, 0, 0]
    assert comparisons[2].tolist() == [0, 0, 0]


def test_an_encoder_of_noise_agrees_by_chance():
    rng = np.random.default_rng(0)
    groups, points = rng.normal(size=(3000, 10, 4)), rng.normal(size=(100, 4))
    assert vote_accuracy(groups, points, np.arange(3000) % 3) == pytest.approx(1 / 3, abs=0.04)


def test_a_pool_of_two_agrees_with_itself():
    assert selector().scores(np.array([[1, 0.2], [0.4, 1]])) == pytest.approx([0.3, 0.3])


def test_models_without_codes_do_not_apply(load):
    without = pool(Linear(np.eye(3), space=LatentSpace({"noise": Normal(3)}, codes=[])))
    assert selector().lacks(without[0]) == "the model has no latent codes that could be fixed"
    assert selector().lacks(load("aligned")) == "the model has no generator"
    with pytest.raises(NotApplicableError, match="the model has no latent codes"):
        selector().compare(without)
    with pytest.raises(NotApplicableError, match="generates no images"):
        selector().compare([load("aligned")])


def test_the_default_number_of_groups_is_the_authors():
    def images(codes):
        space = LatentSpace({"codes": Uniform(codes)})
        model = Linear(np.eye(3), space=space)
        ModelCentrality(ModelCentrality.Config(group_size=2, std_points=5)).compare(pool(model))
        return sum(map(len, model.generated))

    assert images(5) == 500 * 2 + 5 + REHEARSED
    assert images(10) == 1000 * 2 + 5 + REHEARSED
    assert ModelCentrality.Config().std_points == 737_280 // 10


def test_deviations_are_numpys_and_exactly_0_of_a_constant():
    codes = np.random.default_rng(0).normal(3, 2, size=(4, 50, 3)).astype(np.float32)
    codes[1, :, 2] = 3.3
    expected = codes.std(axis=1, dtype=np.float64)
    expected[1, 2] = 0
    np.testing.assert_allclose(deviations(codes), expected, atol=1e-12)
    assert deviations(codes)[1, 2] == 0
    assert not deviations(np.full((10_000, 1), 0.1)).any()


def test_votes_by_hand():
    # Two groups fix label 0 and are narrowest in code 0; the third fixes 1, the fourth 0, both narrowest in code 1.
    narrow, wide = np.array([0.0, 0.1]), np.array([0.0, 5.0])
    groups = np.array([np.stack(pair, axis=1) for pair in [(narrow, wide)] * 2 + [(wide, narrow)] * 2])
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert vote_accuracy(groups, points, np.array([0, 0, 1, 1])) == 1
    assert vote_accuracy(groups, points, np.array([0, 0, 1, 0])) == 3 / 4


@settings(max_examples=5)
@given(order=st.permutations(range(4)))
def test_permuting_the_pool_permutes_the_scores(order):
    generators = [np.eye(3), MIXED, np.eye(3)[[2, 0, 1]], np.eye(3) + 0.4]
    comparisons = selector().compare(pool(*map(Linear, generators)))
    permuted = selector().compare(pool(*(Linear(generators[place]) for place in order)))
    np.testing.assert_array_equal(permuted, comparisons[np.ix_(order, order)])
    np.testing.assert_allclose(selector().scores(permuted), selector().scores(comparisons)[list(order)])


def test_halving_finds_a_model_that_most_agree_with_and_leaves_pairs_out():
    aligned = [np.eye(3)[list(order)] for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0], [1, 0, 2], [0, 2, 1])]
    mixed = [MIXED, MIXED @ np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]]), np.eye(3) + 0.6]
    models = [Linear(matrix) for matrix in [*mixed, *aligned]]
    halving = ModelCentralityHalving(ModelCentralityHalving.Config(**SMALL, references=2))
    comparisons = halving.compare(pool(*models))
    assert np.nanargmax(halving.scores(comparisons)) >= len(mixed)
    assert np.isfinite(comparisons).sum() < 8 * 7
    exact = selector().compare(pool(*models))
    known = np.isfinite(comparisons)
    np.testing.assert_array_equal(comparisons[known], exact[known])
