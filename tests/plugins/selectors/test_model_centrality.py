import numpy as np
import pytest
import torch
from torch import nn

from harness import Categorical, ImageSpec, LatentSpace, Model, ModelEvaluation, Normal, NotApplicableError, Uniform
from harness.dataset import Dataset
from harness_selectors.model_centrality import ModelCentrality, vote_accuracy

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


def test_each_image_is_generated_once_and_encoded_by_all():
    models = [Linear(np.eye(3)), Linear(MIXED)]
    selector().compare(pool(*models))
    images = SMALL["groups"] * SMALL["group_size"] + SMALL["std_points"]
    for model in models:
        assert sum(map(len, model.generated)) == images
        assert model.encoded == 2 * images


def test_models_with_one_latent_space_get_the_same_latents():
    models = [Linear(np.eye(3)), Linear(MIXED)]
    selector().compare(pool(*models))
    assert torch.equal(*(torch.cat(model.generated) for model in models))


def test_spaces_may_differ():
    other = LatentSpace({"category": Categorical(2), "code": Uniform(1)})
    comparisons = selector().compare(pool(Linear(np.eye(3)), Linear(np.eye(3), space=other)))
    assert ((comparisons > 0.3) & (comparisons <= 1)).all()


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
    with pytest.raises(NotApplicableError, match="Linear has no latent codes"):
        selector().compare(pool(Linear(np.eye(3), space=LatentSpace({"noise": Normal(3)}, codes=[]))))
    with pytest.raises(NotApplicableError, match="generates no images"):
        selector().compare([load("aligned")])
