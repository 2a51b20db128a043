"""FID and KID on generators whose faults are known."""

import json

import numpy as np
import pytest
import torch
from torchvision.models import Inception_V3_Weights, inception_v3

from harness import NotApplicableError, UserError
from harness_metrics.samples import inception
from harness_metrics.samples.distances import frechet_distance
from harness_metrics.samples.feature_distances import FrechetInceptionDistance, KernelInceptionDistance
from harness_metrics.samples.inception import (
    InceptionNetwork,
    TorchvisionInception,
    published_weights,
    torchvision_weights,
)


def evaluate(metric, evaluation, **config):
    extra = {"subsets": 10, "subset_size": 60} if metric is KernelInceptionDistance else {}
    settings = {"features": "dataset", "samples": 500, **extra, **config}
    return metric(metric.Config(**settings)).score(evaluation)


@pytest.mark.parametrize("metric", [FrechetInceptionDistance, KernelInceptionDistance])
def test_real_images_are_nearer_than_one_kind_and_that_is_nearer_than_noise(metric, subjects):
    evaluations = subjects.ideal(), subjects.collapsed(), subjects.noise()
    ideal, collapsed, noise = (evaluate(metric, each) for each in evaluations)
    assert ideal.value < collapsed.value < noise.value
    assert ideal.details["held_out"] < noise.details["held_out"]
    assert (ideal.details["samples"], ideal.details["images"]) == (500, 160)
    json.dumps(dict(ideal.details), allow_nan=False)


def test_kid_of_copies_is_lower_to_what_was_copied(subjects):
    ideal, memoriser = (evaluate(KernelInceptionDistance, each) for each in (subjects.ideal(), subjects.memoriser()))

    def overfitting(score):
        return score.details["held_out"] - score.value

    assert overfitting(memoriser) > overfitting(ideal)


def test_fid_is_the_distance_to_all_training_images_unless_there_are_more_than_asked_for(subjects):
    whole = evaluate(FrechetInceptionDistance, subjects.ideal())
    assert evaluate(FrechetInceptionDistance, subjects.ideal(), images=160).value == pytest.approx(whole.value)
    assert evaluate(FrechetInceptionDistance, subjects.ideal(), images=50).details["images"] == 50


@pytest.mark.parametrize("metric", [FrechetInceptionDistance, KernelInceptionDistance])
def test_without_held_out_images_only_their_distance_is_missing(metric, strokes, subjects_of):
    score = evaluate(metric, subjects_of(strokes(), held_out=0).ideal())
    assert score.details["held_out"] is None
    assert score.details["images"] == 240


def test_numbers_repeat(subjects):
    assert evaluate(KernelInceptionDistance, subjects.ideal()) == evaluate(KernelInceptionDistance, subjects.ideal())


class TestWeights:
    @pytest.fixture(autouse=True)
    def _hub(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        self.kept = tmp_path / "torch/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"

    def test_absent_ones_do_not_apply_and_say_where_they_would_be(self, subjects):
        expected = rf"{self.kept}: there are no weights .* Get them from https.*, or run again with --download"
        with pytest.raises(NotApplicableError, match=expected):
            evaluate(FrechetInceptionDistance, subjects.ideal(), features="imagenet")

    def test_a_named_file_is_not_looked_for_elsewhere(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
        with pytest.raises(NotApplicableError, match=r"mine\.pth: there are no weights"):
            published_weights(str(tmp_path / "mine.pth"))
        (tmp_path / "mine.pth").touch()
        assert published_weights(str(tmp_path / "mine.pth")) == tmp_path / "mine.pth"

    def test_kept_ones_are_found(self):
        self.kept.parent.mkdir(parents=True)
        self.kept.touch()
        assert published_weights() == self.kept
        torchvisions = self.kept.with_name("inception_v3_google-0cc3c7bd.pth")
        torchvisions.touch()
        assert torchvision_weights() == torchvisions

    def test_they_are_fetched_where_that_is_allowed_and_kept_only_if_they_are_the_published_ones(
        self, tmp_path, monkeypatch
    ):
        (tmp_path / "wrong").write_bytes(b"something else")
        monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
        url = (tmp_path / "wrong").as_uri()
        with pytest.raises(NotApplicableError, match=r"cannot be fetched from .*invalid hash"):
            inception._fetch(url, self.kept)
        assert not list(self.kept.parent.iterdir())
        right = self.kept.with_name("weights-1a64.pth")
        right.parent.mkdir(parents=True, exist_ok=True)
        with pytest.raises(NotApplicableError, match="invalid hash"):
            inception._fetch(url, right)

    def test_without_the_library_it_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "torch_fidelity.feature_extractor_inceptionv3", None)
        with pytest.raises(NotApplicableError, match=r"pip install '\.\[fid\]'"):
            published_weights()

    def test_another_file_is_refused_and_runs_no_code(self, tmp_path):
        (tmp_path / "text").write_text("hello")
        with pytest.raises(UserError, match=r"text: not weights of the Inception network of 2015"):
            InceptionNetwork(tmp_path / "text")
        torch.save({"a": torch.zeros(1)}, tmp_path / "other")
        with pytest.raises(UserError, match=r"other: not weights of the Inception network of 2015"):
            InceptionNetwork(tmp_path / "other")
        with pytest.raises(UserError, match=r"other: not weights of torchvision's Inception v3"):
            TorchvisionInception(tmp_path / "other")


def test_torchvisions_network_is_given_what_it_was_trained_on(tmp_path):
    """Random weights, and torchvision's own preparation of images: the whole enlarged to 299x299."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = inception_v3(weights=None, init_weights=False, transform_input=True).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    images = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(1))
    preset = Inception_V3_Weights.IMAGENET1K_V1.transforms(crop_size=299, resize_size=299)
    with torch.no_grad():
        logits, features = TorchvisionInception(tmp_path / "weights.pth")(images)
        torch.testing.assert_close(logits, network(preset(images)), rtol=1e-4, atol=1e-5)
    assert logits.shape == (2, 1000)
    assert features.shape == (2, 2048)


@pytest.mark.slow
def test_distances_in_the_inception_networks_features(subjects, tmp_path, monkeypatch):
    """With random weights, whose features tell noise from strokes too."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    with monkeypatch.context() as patch, torch.random.fork_rng():
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, weights: None)
        torch.save({}, tmp_path / "none")
        torch.manual_seed(0)
        random = FeatureExtractorInceptionV3("random", ["2048"], feature_extractor_weights_path=tmp_path / "none")
    weights = tmp_path / "weights.pth"
    torch.save(random.state_dict(), weights)
    settings = {"features": "imagenet", "weights": str(weights), "samples": 6, "images": 6}
    ideal, noise = subjects.ideal(), subjects.noise()
    near, far = (evaluate(FrechetInceptionDistance, each, **settings) for each in (ideal, noise))
    assert near.value < far.value
    levels = (ideal.samples(6) * 255).round().byte().expand(-1, 3, -1, -1)
    chosen = ideal.rng("real images").permutation(ideal.trained_on)[:6]
    real = (ideal.images(chosen) * 255).round().byte().expand(-1, 3, -1, -1)
    expected = frechet_distance(*(np.asarray(random(each)[0]) for each in (real, levels)))
    assert near.value == pytest.approx(expected, rel=1e-4)
