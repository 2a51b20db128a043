import copy
import os

import numpy as np
import pytest
import torch

from harness import ImageSpec, ModelEvaluation, NotApplicableError, Rng
from harness.errors import ContractError, DivergenceError
from harness.model import build
from harness.scoring.model_evaluation import join_alike

REHEARSED = 2
"""How often the first image, or latent vector, is given to a method before all, to see whether it gives the same."""


@pytest.fixture
def evaluation(registry):
    dataset_class = registry.find("datasets", "bars").load()
    dataset = dataset_class(dataset_class.Config())
    dataset.load("cpu")
    model_class = registry.find("models", "linear").load()
    model = build(model_class, model_class.Config(), ImageSpec(1, 8, 8), Rng(0))
    return ModelEvaluation(model, dataset, batch_size=7)


def test_each_image_is_encoded_at_most_once(evaluation):
    encoded = []
    encode = evaluation.model.encode
    evaluation.model.encode = lambda images: encoded.append(len(images)) or encode(images)
    first = evaluation.codes(np.array([[3, 1], [3, 60]]))
    assert first.shape == (2, 2, 3)
    assert sum(encoded) == REHEARSED + 3
    evaluation.codes(np.arange(64))
    assert sum(encoded) == REHEARSED + 64
    assert np.array_equal(evaluation.codes(np.array([[3, 1], [3, 60]])), first)


def test_codes_are_the_models(evaluation):
    indices = np.array([5, 0, 63])
    expected = evaluation.model.encode(evaluation.dataset.images(torch.tensor([5, 0, 63])))
    np.testing.assert_allclose(evaluation.codes(indices), expected.detach().numpy(), rtol=1e-5)


def test_codes_that_are_no_numbers_are_an_error(evaluation):
    encode = evaluation.model.encode

    def broken(images):
        codes = encode(images).detach()
        codes[0, 1] = torch.nan
        return codes

    evaluation.model.encode = broken
    with pytest.raises(DivergenceError, match=r"the codes of the images: 1 of 3 rows hold .* in columns \[1\]"):
        evaluation.codes(np.arange(3))


def test_abilities_are_those_of_model_and_dataset(evaluation):
    assert evaluation.abilities() == {"encode", "generate", "reconstruct", "factors"}
    assert evaluation.lacks(["encode", "factors"]) == ""
    assert evaluation.lacks(["kl", "labels"]) == ("the model has no variational posterior; the dataset has no labels")
    with pytest.raises(NotApplicableError):
        evaluation.kl(np.arange(3))
    assert evaluation.lacks(["features"]) == "the model has no image features"
    with pytest.raises(NotApplicableError, match="the model has no image features"):
        evaluation.features(evaluation.images(np.arange(3)))


def test_it_knows_what_was_held_out(evaluation):
    assert len(evaluation.held_out) == 0
    assert np.array_equal(evaluation.trained_on, np.arange(64))
    part = ModelEvaluation(evaluation.model, evaluation.dataset, held_out=10)
    assert len(part.held_out) == 10
    assert np.array_equal(np.sort(np.concatenate([part.held_out, part.trained_on])), np.arange(64))


@pytest.fixture
def random_codes(evaluation):
    """An evaluation of a model whose codes are nothing but the noise that it is handed."""
    evaluation.model.code_noise = 2
    evaluation.model.represent = lambda images, noise: noise
    return evaluation


def test_random_codes_of_an_image_depend_on_no_other_image(random_codes):
    asked_first = random_codes.codes(np.array([63, 5]))
    again = ModelEvaluation(random_codes.model, random_codes.dataset, batch_size=3)
    everything = again.codes(np.arange(64))
    assert everything.shape == (64, 2)
    assert np.array_equal(everything[[63, 5]], asked_first)
    assert len(np.unique(everything)) == 128
    other_seed = ModelEvaluation(random_codes.model, random_codes.dataset, seed=1)
    assert not np.isin(other_seed.codes(np.arange(64)), everything).any()


def test_random_codes_of_other_images_are_named_by_their_purpose(random_codes):
    images = random_codes.images(np.arange(10))
    first = random_codes.encode(images, "a", 0)
    assert torch.equal(random_codes.encode(images, "a", 0), first)
    assert len(torch.cat([first, random_codes.encode(images, "a", 1)]).unique()) == 40


def test_metric_groups_of_the_dataset_lie_beyond_its_images(evaluation):
    # The last ten images are for metrics alone.
    dataset = evaluation.dataset
    fixed = {"group_index": np.arange(64, 74).reshape(2, 5), "group_label": np.array([0, 1])}
    images = torch.cat([dataset.images(torch.arange(64)), torch.rand(10, 1, 8, 8)])
    dataset.fixed, dataset.images = fixed, lambda indices: images[indices]
    grouped = ModelEvaluation(evaluation.model, dataset)
    assert grouped.size == 64
    assert grouped.fixed.keys() == fixed.keys()
    codes = grouped.codes(fixed["group_index"])
    assert codes.shape == (2, 5, 3)
    np.testing.assert_allclose(codes.reshape(10, 3), grouped.encode(images[64:]).numpy(), rtol=1e-5)
    np.testing.assert_allclose(grouped.codes(np.arange(64)), evaluation.codes(np.arange(64)), rtol=1e-5)


@pytest.mark.parametrize(
    ("encode", "said"),
    [
        (lambda images: torch.randn(len(images), 3), "`encode` draws from torch's global generator"),
        (lambda images: torch.full((len(images), 1), float(int.from_bytes(os.urandom(3)))), "gives other numbers when"),
        (lambda images: images, "gives torch.float32 (7, 1, 8, 8), not a row of real codes for each image, (N, D)"),
        (lambda images: images.flatten(1)[:3], "gives torch.float32 (3, 64), not a row of real codes"),
        (lambda images: None, "gives NoneType, not a row of real codes"),
    ],
)
def test_codes_are_refused_that_are_no_function_of_the_images_or_no_rows(evaluation, encode, said):
    evaluation.model.encode = encode
    with pytest.raises(ContractError) as caught:
        evaluation.codes(np.arange(7))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "kept"), [("float64", "float64"), ("int64", "float64"), ("float16", "float32"), ("bfloat16", "float32")]
)
def test_codes_keep_the_precision_that_a_model_gives_them(evaluation, dtype, kept):
    far = 1e9 if kept == "float64" else 0.0
    evaluation.model.encode = lambda images: (far + (8 * images[:, 0, :2, 0]).round().double()).to(
        getattr(torch, dtype)
    )
    codes, images = evaluation.codes(np.arange(64)), evaluation.images(np.arange(64))
    assert codes.dtype == kept
    assert np.array_equal(codes - far, (8 * images[:, 0, :2, 0]).round().numpy())


def test_latents_are_drawn_alike_for_every_model(evaluation):
    again = ModelEvaluation(evaluation.model, evaluation.dataset)
    assert torch.equal(evaluation.latents("samples", 5), again.latents("samples", 5))
    assert not torch.equal(evaluation.latents("samples", 5), evaluation.latents("other", 5))


def test_samples_are_the_first_of_one_series_and_made_once(evaluation):
    made = []
    generate = evaluation.model.generate
    evaluation.model.generate = lambda latents: made.append(len(latents)) or generate(latents)
    many = evaluation.samples(1200)
    assert many.shape == (1200, 1, 8, 8)
    assert len(many.flatten(1).unique(dim=0)) == 1200
    assert torch.equal(evaluation.samples(700), many[:700])
    assert evaluation.samples(0).shape == (0, 1, 8, 8)
    assert sum(made) == REHEARSED + 1500
    again = ModelEvaluation(evaluation.model, evaluation.dataset)
    assert torch.allclose(again.samples(5), many[:5], atol=1e-6)


def test_samples_beyond_the_memory_are_made_again_alike(evaluation, monkeypatch):
    monkeypatch.setattr("harness.scoring.model_evaluation.KEPT_SAMPLES", 500 * 64 * 4)
    first, second = evaluation.sample_block(0), evaluation.sample_block(1)
    assert evaluation.sample_block(0) is first
    assert evaluation.sample_block(1) is not second
    assert torch.equal(evaluation.sample_block(1), second)


def test_what_metrics_share_is_made_once(evaluation):
    made = []
    for key in ("a", ("b", 1), "a", ("b", 1), ("b", 2)):
        assert evaluation.once(key, lambda key=key: made.append(key) or key) == key
    assert made == ["a", ("b", 1), ("b", 2)]


def test_nothing_records_gradients(evaluation):
    images = evaluation.images(np.arange(20))
    assert not evaluation.encode(images).requires_grad
    assert not evaluation.reconstruct(images).requires_grad
    assert evaluation.generate(evaluation.latents("samples", 9)).shape == (9, 1, 8, 8)


class TestTogether:
    """Evaluations of alike models that encode and generate as one."""

    @pytest.fixture
    def models(self, evaluation):
        def model(seed):
            return build(type(evaluation.model), evaluation.model.config, ImageSpec(1, 8, 8), Rng(seed)).eval()

        return [model(seed) for seed in range(3)]

    def joined(self, models, dataset, note=pytest.fail):
        evaluations = [ModelEvaluation(copy.deepcopy(model), dataset, batch_size=7) for model in models]
        join_alike(evaluations, note)
        return evaluations

    def test_each_gets_what_it_would_alone(self, evaluation, models):
        for one, model in zip(self.joined(models, evaluation.dataset), models, strict=True):
            alone = ModelEvaluation(model, evaluation.dataset)
            np.testing.assert_allclose(one.codes(np.arange(64)), alone.codes(np.arange(64)), rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(one.samples(700), alone.samples(700))

    def test_what_one_is_asked_the_others_know(self, evaluation, models):
        first, second, _ = self.joined(models, evaluation.dataset)
        first.codes(np.arange(64))
        first.samples(500)
        second.model.encode = second.model.generate = None  # Neither will be called.
        assert second.codes(np.arange(64)).shape == (64, 3)
        assert second.samples(500).shape == (500, 1, 8, 8)

    def test_one_that_has_ended_keeps_nothing_and_the_others_go_on(self, evaluation, models):
        first, second, third = self.joined(models, evaluation.dataset)
        expected = third.codes(np.arange(9))
        first.end()
        second.codes(np.arange(64))
        second.samples(500)
        assert first._codes is None
        assert not first._samples
        np.testing.assert_array_equal(third.codes(np.arange(9)), expected)

    def test_only_alike_models_are_joined(self, evaluation, models):
        larger = type(evaluation.model)
        other = build(larger, larger.Config(size=7), ImageSpec(1, 8, 8), Rng(5)).eval()
        evaluations = self.joined([models[0], other, models[1]], evaluation.dataset)
        assert [one.codes(np.arange(4)).shape[1] for one in evaluations] == [3, 7, 3]

    def test_broken_codes_are_the_error_of_one(self, evaluation, models):
        with torch.no_grad():
            next(models[1].parameters()).fill_(torch.nan)
        first, second, third = self.joined(models, evaluation.dataset)
        with pytest.raises(DivergenceError):
            second.codes(np.arange(5))
        for one in (first, third):
            assert np.isfinite(one.codes(np.arange(5))).all()

    def test_what_cannot_be_called_at_once_is_called_one_by_one(self, evaluation, models):
        class Wilful(type(evaluation.model)):
            def encode(self, images):
                if images.sum().item() < 0:  # Its value is not known under vmap where images are stacked.
                    raise AssertionError
                return super().encode(images)

        for model in models:
            model.__class__ = Wilful
        notes = []
        evaluations = self.joined(models, evaluation.dataset, notes.append)
        for one, model in zip(evaluations, models, strict=True):
            alone = ModelEvaluation(model, evaluation.dataset)
            np.testing.assert_allclose(one.codes(np.arange(64)), alone.codes(np.arange(64)), rtol=1e-4, atol=1e-6)
        assert len(notes) == 1
        assert "represent is called by one model at a time" in notes[0]
