import json

import numpy as np
import pytest
import torch

from harness import Model, ModelEvaluation, NotApplicableError, Rng, UserError
from harness.config import parse
from harness_metrics.samples.features_svm import FeaturesSVM, pooled_features


class Seeing(Model):
    """Its maps show whether strokes are upright, level or slanted; `fog` hides it under noise."""

    fog = 0.0

    def features(self, images):
        pixels = images[:, :1]
        upright, level = pixels.mean(dim=2, keepdim=True), pixels.mean(dim=3, keepdim=True)
        first = torch.cat([upright.expand_as(pixels), level.expand_as(pixels)], dim=1)
        noise = Rng(len(images)).normal(*first.shape)
        return [first * (1 - self.fog) + self.fog * noise, first[:, :, ::8, ::8].clone() * 0]


class Blind(Seeing):
    fog = 1.0


def evaluate(evaluation, **config):
    return FeaturesSVM(FeaturesSVM.Config(**config)).score(evaluation)


@pytest.fixture
def seeing(subjects):
    return subjects.of(Seeing(Model.Config(), subjects.dataset.image))


@pytest.fixture
def blind(subjects):
    return subjects.of(Blind(Model.Config(), subjects.dataset.image))


def test_maps_are_pooled_by_hand(subjects):
    class Counting(Model):
        def features(self, images):
            large = torch.arange(64.0).view(1, 1, 8, 8).expand(len(images), 1, 8, 8)
            small = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(len(images), 1, 2, 2)
            return [large, small]

    evaluation = subjects.of(Counting(Model.Config(), subjects.dataset.image))
    corners = [float(8 * row + column) for row in (1, 3, 5, 7) for column in (1, 3, 5, 7)]
    assert pooled_features(evaluation, evaluation.dataset, np.array([0, 5])).tolist() == [[*corners, 1, 2, 3, 4]] * 2


def test_one_strength_for_all_draws_is_the_best_of_the_first_on_average(seeing):
    settings = {"labels": 3, "draws": 4, "constants": (1e-9, 1.0), "scaled": False}
    apart = evaluate(seeing, **settings).details
    together = evaluate(seeing, choosing_draws=2, **settings).details
    assert together["constants"] == [1.0] * 4
    for mine, other, constant in zip(together["accuracies"], apart["accuracies"], apart["constants"], strict=True):
        assert mine == other or constant != 1.0
    weak = evaluate(seeing, choosing_draws=2, **settings | {"constants": (1e-9,)})
    assert weak.details["constants"] == [1e-9] * 4


class Loud(Seeing):
    """The same maps, a thousand times as large."""

    def features(self, images):
        return [1000 * each for each in super().features(images)]


def test_features_are_divided_by_their_mean_norm_or_taken_as_they_are(subjects, seeing):
    loud = subjects.of(Loud(Model.Config(), subjects.dataset.image))
    scaled = {"labels": 4, "constants": (10.0,)}
    assert evaluate(seeing, **scaled).value == evaluate(loud, **scaled).value
    as_they_are = {"labels": 4, "constants": (1e-5,), "scaled": False}
    assert evaluate(loud, **as_they_are).value > evaluate(seeing, **as_they_are).value + 0.1


def test_features_that_show_the_class_are_told_and_noise_is_not(seeing, blind):
    told, guessed = evaluate(seeing), evaluate(blind)
    assert told.value > 0.9
    assert guessed.value < 0.6
    assert told.details["features"] == 2 * 16 + 2 * 4
    assert told.details["images"] == {"train": 128, "validation": 32, "test": 80}
    json.dumps(dict(told.details), allow_nan=False)


def test_without_held_out_images_a_fifth_tests(strokes, subjects_of):
    subjects = subjects_of(strokes(), held_out=0)
    score = evaluate(subjects.of(Seeing(Model.Config(), subjects.dataset.image)))
    assert score.details["images"] == {"train": 154, "validation": 38, "test": 48}


def test_few_labels_are_balanced_and_drawn_anew(seeing):
    score = evaluate(seeing, labels=5, draws=3)
    assert score.details["images"]["train"] == 15
    assert len(score.details["accuracies"]) == len(score.details["constants"]) == 3
    assert len(set(score.details["accuracies"])) > 1
    assert score.value == pytest.approx(np.mean(score.details["accuracies"]))
    with pytest.raises(NotApplicableError, match=r"class \d of labels has \d+ images to train on, fewer than 100"):
        evaluate(seeing, labels=100)


def test_more_labels_are_better(seeing):
    few, many = evaluate(seeing, labels=2, draws=5), evaluate(seeing)
    assert few.value < many.value


def test_numbers_repeat(seeing):
    assert evaluate(seeing, labels=5) == evaluate(seeing, labels=5)


def test_the_scale_of_features_does_not_matter(seeing, subjects):
    class Louder(Seeing):
        def features(self, images):
            return [1000 * maps for maps in super().features(images)]

    louder = subjects.of(Louder(Model.Config(), subjects.dataset.image))
    assert evaluate(louder).details["constants"] == evaluate(seeing).details["constants"]
    assert evaluate(louder).value == evaluate(seeing).value


def test_a_factor_can_be_the_class(registry):
    class Rows(Model):
        def features(self, images):
            return [images.mean(dim=3).permute(0, 2, 1).unsqueeze(3)]

    bars = registry.find("datasets", "bars").load()
    dataset = bars(bars.Config())
    evaluation = ModelEvaluation(Rows(Model.Config(), dataset.image), dataset)
    assert evaluate(evaluation, factor="row").value == 1
    with pytest.raises(NotApplicableError, match="set 'factor' to one of row, column"):
        evaluate(evaluation)


class Sums(Model):
    """One number per image and channel."""

    def features(self, images):
        return [images.mean(dim=(2, 3), keepdim=True)]


@pytest.fixture
def watching(registry):
    """An evaluation of a model of sprites, whose features are how much of an image is white."""
    sprites = registry.find("datasets", "sprites").load()
    dataset = sprites(parse(sprites.Config, {**GRID, "orientations": 3}, "dataset"))
    dataset.load()
    return ModelEvaluation(Sums(Model.Config(), dataset.image), dataset, held_out=10, registry=registry)


GRID = {"image_size": 32, "scales": 6, "orientations": 2, "positions_x": 2, "positions_y": 2}


def test_another_dataset_can_be_classified(watching):
    other = {"name": "sprites", **GRID}
    score = evaluate(watching, dataset=other, factor="scale", labels=10)
    assert score.details["images"] == {"train": 60, "validation": 23, "test": 28}
    assert score.value > 0.3
    tested = evaluate(watching, dataset=other, test={**other, "orientations": 4}, factor="scale")
    assert tested.details["images"] == {"train": 116, "validation": 28, "test": 288}
    own = evaluate(watching, test=other, factor="scale")
    assert own.details["images"] == {"train": 165, "validation": 41, "test": 144}


def test_another_dataset_must_fit_and_exist(watching):
    with pytest.raises(NotApplicableError, match="the model takes 1x32x32 images, dataset has 1x64x64"):
        evaluate(watching, dataset={"name": "sprites"})
    with pytest.raises(UserError, match="test: there is no dataset 'sprite'; did you mean 'sprites'"):
        evaluate(watching, test={"name": "sprite"}, factor="scale")
    with pytest.raises(UserError, match=r"dataset\.scale: unknown key; did you mean 'scales'"):
        evaluate(watching, dataset={"name": "sprites", "scale": 2})


def test_the_other_dataset_may_be_of_a_plugin_in_a_single_file(registry):
    bars = registry.find("datasets", "bars").load()
    evaluation = ModelEvaluation(Sums(Model.Config(), bars.image), bars(bars.Config()), registry=registry)
    score = evaluate(evaluation, dataset={"name": "bars", "brightness": 0.5}, factor="row")
    assert score.details["images"]["test"] > 0


def test_outside_a_run_no_other_dataset_is_known(strokes, subjects_of):
    dataset = strokes()
    evaluation = subjects_of(dataset).of(Seeing(Model.Config(), dataset.image))
    with pytest.raises(NotApplicableError, match="dataset: no other datasets are known here"):
        evaluate(evaluation, dataset={"name": "sprites"})


def test_a_single_class_does_not_apply(strokes, subjects_of):
    dataset = strokes()
    dataset.targets = dataset.targets * 0
    with pytest.raises(NotApplicableError, match="show a single class of labels"):
        evaluate(subjects_of(dataset).of(Seeing(Model.Config(), dataset.image)))


def test_it_needs_a_model_with_feature_maps(load):
    assert load("aligned").lacks(FeaturesSVM.needs)
