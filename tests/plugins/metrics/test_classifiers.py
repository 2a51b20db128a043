"""Classifiers trained on a dataset: what they learn, what metrics share, and that keeping them changes no number."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness import FactorGrid, GroundTruthDataset, ImageSpec, ModelEvaluation, NotApplicableError
from harness.dataset import Dataset
from harness_metrics.labelling import labelling
from harness_metrics.samples import classifier_training
from harness_metrics.samples.classifier_networks import shapes_network, small_network
from harness_metrics.samples.classifier_training import Recipe, trained_classifier
from harness_metrics.samples.classifiers import ClassifierSettings, classifier_of, image_features, sample_outputs

QUICK = Recipe("small", epochs=1, learning_rate=0.001)


class Grid(GroundTruthDataset):
    """Images that show nothing of their factors."""

    image = ImageSpec(1, 4, 4)

    def __init__(self, **grid):
        super().__init__(self.Config())
        self.factors = FactorGrid(**grid)

    def images(self, indices):
        return torch.zeros(len(indices), 1, 4, 4)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder of the test's own."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def trainings(monkeypatch):
    """Counts how often a classifier is trained."""
    counted = []
    train = classifier_training._train
    monkeypatch.setattr(classifier_training, "_train", lambda *given: counted.append(1) or train(*given))
    return counted


def train(evaluation, recipe=QUICK):
    return trained_classifier(evaluation, recipe, labelling(evaluation.dataset))


def parameters(trained):
    return {name: value.clone() for name, value in trained.network.state_dict().items()}


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


class TestLabelling:
    def test_labels_are_the_datasets(self, strokes):
        found = labelling(strokes(10))
        assert (found.name, found.classes, found.labels.tolist()) == ("labels", 3, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
        with pytest.raises(NotApplicableError, match="no factor 'shape'"):
            labelling(strokes(10), "shape")

    def test_a_factor_is_found_by_its_name(self):
        grid = Grid(names=["a", "b"], sizes=[2, 3])
        assert labelling(grid, "a").labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert labelling(grid, "b").labels.tolist() == [0, 1, 2, 0, 1, 2]
        with pytest.raises(NotApplicableError, match="no factor 'c', only a, b"):
            labelling(grid, "c")

    def test_the_first_categorical_factor_that_varies_stands_for_the_labels(self):
        grid = Grid(names=["a", "b", "c"], sizes=[2, 1, 3], categorical=[False, True, True])
        assert labelling(grid).name == "c"
        with pytest.raises(NotApplicableError, match="no factor is categorical; set 'factor' to one of a, b"):
            labelling(Grid(names=["a", "b"], sizes=[2, 3]))

    def test_a_dataset_without_classes_has_none(self, monkeypatch):
        monkeypatch.setattr(Dataset, "__len__", lambda self: 3)
        with pytest.raises(NotApplicableError, match="neither labels nor factors"):
            labelling(Dataset(Dataset.Config()))


@pytest.mark.parametrize(
    "image", [ImageSpec(1, 32, 32), ImageSpec(3, 28, 28), ImageSpec(1, 64, 48), ImageSpec(1, 1, 9)]
)
def test_the_small_network_takes_images_of_any_size(image):
    logits, features = small_network(image, 7)(torch.rand(5, image.channels, image.height, image.width))
    assert logits.shape == (5, 7)
    assert features.shape == (5, 128)


def test_the_network_of_shapes_is_the_authors():
    network = shapes_network(ImageSpec(1, 64, 64), 3)
    convolutions = [layer for layer in network.hidden if isinstance(layer, torch.nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size, c.stride) for c in convolutions] == [
        (width, (4, 4), (2, 2)) for width in (32, 32, 64, 64)
    ]
    kinds = [type(layer).__name__ for layer in network.hidden]
    assert kinds == ["SameConv2d", "LeakyReLU", "BatchNorm2d"] * 4 + ["Flatten", "Linear", "LeakyReLU", "BatchNorm1d"]
    assert network(torch.rand(2, 1, 64, 64))[0].shape == (2, 3)
    with pytest.raises(NotApplicableError, match="multiples of 16 pixels, not 1x28x28"):
        shapes_network(ImageSpec(1, 28, 28), 3)


class TestTraining:
    def test_learns_what_can_be_seen(self, subjects):
        trained = train(subjects.noise(), replace(QUICK, epochs=20))
        assert trained.accuracy > 0.9
        images, labels = subjects.dataset.content, subjects.dataset.targets
        with torch.no_grad():
            assert (trained.network(images)[0].argmax(dim=1) == labels).float().mean() > 0.9

    def test_accuracy_is_of_images_that_were_not_trained_on(self, strokes, subjects_of, data):
        """Labels without any relation to the images are learnt by heart and not told for new images."""
        meaningless = strokes(300)
        meaningless.targets = torch.from_numpy(np.random.default_rng(0).integers(3, size=300))
        trained = train(subjects_of(meaningless).noise(), replace(QUICK, epochs=30, learning_rate=0.003))
        with torch.no_grad():
            told = trained.network(meaningless.content)[0].argmax(dim=1)
        assert (told == meaningless.targets).float().mean() > 0.8
        assert trained.accuracy < 0.7

    def test_draws_from_no_generator_but_its_own(self, subjects, data):
        before = torch.random.get_rng_state()
        train(subjects.noise())
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_too_few_images_do_not_do(self, strokes, subjects_of, data):
        with pytest.raises(NotApplicableError, match="9 images are too few"):
            train(subjects_of(strokes(9), held_out=0).noise())


class TestKeeping:
    def test_a_kept_classifier_is_the_one_that_would_be_trained(self, subjects, data, trainings):
        first = train(subjects.noise())
        second = train(subjects.ideal())
        assert len(trainings) == 1, "whatever the model, the classifier is the dataset's"
        for file in data.glob("cache/*.safetensors"):
            file.unlink()
        third = train(subjects.noise())
        assert len(trainings) == 2
        assert first.key == second.key == third.key
        assert first.accuracy == second.accuracy == third.accuracy
        assert same(parameters(first), parameters(second))
        assert same(parameters(first), parameters(third))

    def test_it_is_named_by_all_that_decides_it(self, strokes, subjects_of, data, monkeypatch):
        dataset = strokes()
        subjects = subjects_of(dataset)
        keys = [train(subjects.noise()).key, train(subjects.noise(), replace(QUICK, epochs=2)).key]
        keys.append(train(ModelEvaluation(subjects.noise().model, dataset, seed=1)).key)
        keys.append(train(subjects_of(strokes(seed=1)).noise()).key)
        dataset.targets = 2 - dataset.targets
        keys.append(train(subjects.noise()).key)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
        keys.append(train(subjects.noise()).key)
        assert len(set(keys)) == len(keys)

    def test_a_damaged_one_is_made_again(self, subjects, data, trainings):
        first = train(subjects.noise())
        (file,) = data.glob("cache/*.safetensors")
        file.write_bytes(file.read_bytes()[:1000])
        assert same(parameters(first), parameters(train(subjects.noise())))
        assert same(parameters(first), parameters(train(subjects.noise())))
        assert len(trainings) == 2

    def test_two_processes_make_it_once(self, data):
        script = """
import json
from harness import ModelEvaluation, Rng
from harness.config import parse
from harness.model import build
from harness.plugins.manager import PluginManager
from harness_metrics.samples import classifier_training
from harness_metrics.samples.classifiers import ClassifierSettings, classifier_of

registry = PluginManager().registry
sprites, vae = registry.find("datasets", "sprites").load(), registry.find("models", "vae").load()
grid = {"image_size": 32, "scales": 2, "orientations": 5, "positions_x": 5, "positions_y": 5}
dataset = sprites(parse(sprites.Config, grid, "dataset"))
dataset.load()
trainings, train = [], classifier_training._train
classifier_training._train = lambda *given: trainings.append(1) or train(*given)
evaluation = ModelEvaluation(build(vae, vae.Config(), dataset.image, Rng(0)), dataset)
classifier = classifier_of(evaluation, "dataset", ClassifierSettings(epochs=2))
probabilities, _ = classifier.outputs(evaluation.images([0, 20, 40]))
print(json.dumps([len(trainings), probabilities.tolist()]))
"""
        environment = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
        started = [
            subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
            for _ in range(2)
        ]
        (first, a), (second, b) = (json.loads(process.communicate(timeout=300)[0]) for process in started)
        assert sorted([first, second]) == [0, 1]
        assert a == b


class TestSharing:
    def test_samples_are_classified_once(self, subjects):
        evaluation = subjects.ideal()
        classifier = classifier_of(evaluation, "dataset", ClassifierSettings(epochs=1))
        assert classifier_of(evaluation, "dataset", ClassifierSettings(epochs=1, samples=7)) is classifier
        seen = []
        classifier.network.register_forward_hook(lambda module, images, made: seen.append(len(images[0])))
        outputs = sample_outputs(evaluation, classifier, 700)
        again = sample_outputs(evaluation, classifier, 300)
        assert sum(seen) == 700 + 300
        sample_outputs(evaluation, classifier, 700)
        assert sum(seen) == 700 + 300
        assert np.array_equal(again.probabilities, outputs.probabilities[:300])
        np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1, rtol=1e-5)
        assert outputs.features.shape == (700, 128)

    def test_features_are_those_of_the_images_in_order(self, subjects):
        evaluation = subjects.noise()
        classifier = classifier_of(evaluation, "dataset", ClassifierSettings(epochs=1))
        wanted = np.array([5, 3, 200])
        expected = classifier.outputs(evaluation.images(wanted)).features
        np.testing.assert_allclose(image_features(evaluation, classifier, wanted), expected, rtol=1e-5)
