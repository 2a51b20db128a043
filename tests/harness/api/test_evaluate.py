"""`harness.evaluate` on models that were not trained here."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import harness
from harness import ImageSpec, LatentSpace, Model, Normal, Settings, UserError
from harness.api.evaluate import wrap
from harness.pictures.trained_model import TrainedModel

FACTORS = np.stack(np.meshgrid(range(8), range(8), indexing="ij"), -1).reshape(-1, 2)


def bars():
    """Images (64, 1, 8, 8): a row and a column are lit."""
    images = np.zeros((64, 1, 8, 8), dtype=np.float32)
    for number, (row, column) in enumerate(FACTORS):
        images[number, 0, row], images[number, 0, :, column] = 0.5, 1.0
    return images


class Centre(nn.Module):
    """Knows where the bars are."""

    def encode(self, images):
        rows, columns = images.mean(dim=(1, 3)), images.mean(dim=(1, 2))
        return torch.stack([rows.argmax(dim=1), columns.argmax(dim=1)], dim=1).float()


def test_a_module_that_encodes_is_scored_on_arrays_of_images_and_factors():
    scores = harness.evaluate(Centre(), (bars(), FACTORS), ["mig", "factorvae"])
    assert dict(scores) == {"mig": pytest.approx(1, abs=0.01), "factorvae": 1}


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")
def test_functions_modules_and_torchscript_give_the_same_scores():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    expected = dict(harness.evaluate(net, (bars(), FACTORS), ["mig"]))
    for model, functions in (
        (None, {"encode": net}),
        (torch.jit.trace(net, torch.zeros(2, 1, 8, 8)), {}),
        (None, {"encode": lambda images: net(images).numpy()}),
    ):
        assert dict(harness.evaluate(model, (bars(), FACTORS), ["mig"], **functions)) == expected


def test_codes_are_those_that_harness_score_sees():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with torch.no_grad():
        codes = net(torch.from_numpy(np.round(bars() * 255).astype(np.float32) / 255))
    assert harness.evaluate(net, (bars(), FACTORS), ["mig"])["mig"] == pytest.approx(
        harness.score(codes, FACTORS, ["mig"])["mig"], abs=1e-6
    )


def test_rows_in_another_order_change_nothing():
    order = np.random.default_rng(0).permutation(64)
    shuffled = harness.evaluate(Centre(), (bars()[order], FACTORS[order]), ["mig", "factorvae"])
    assert dict(shuffled) == {"mig": pytest.approx(1, abs=0.01), "factorvae": 1}


def test_images_may_be_bytes_and_have_channels_last():
    images = (bars() * 255).round().astype(np.uint8)
    for form in (images, images.transpose(0, 2, 3, 1), torch.from_numpy(images)):
        assert harness.evaluate(Centre(), (form, FACTORS), ["mig"])["mig"] == pytest.approx(1, abs=0.01)


def test_a_registered_dataset_is_named():
    net = nn.Sequential(nn.Flatten(), nn.Linear(1024, 4))
    scores = harness.evaluate(net, {"name": "sprites", "image_size": 32, "orientations": 2, "positions_x": 4}, ["mig"])
    assert 0 <= scores["mig"] <= 1


def test_a_model_that_reconstructs_is_scored_by_that():
    scores = harness.evaluate(None, bars(), ["reconstruction-error"], reconstruct=lambda images: images)
    assert scores["reconstruction-error"] == pytest.approx(0, abs=1e-6)


class Trained(Model):
    """A model of the harness, whose codes are groups of two columns and whose images are black."""

    latents = LatentSpace({"codes": Normal(64)})

    def __init__(self):
        super().__init__(Settings(), ImageSpec(1, 8, 8))
        self.code_groups = (0, 0, 1, 1)

    def encode(self, images):
        return images.flatten(1)[:, :4]

    def kl(self, images):
        return self.encode(images)

    def reconstruct(self, images):
        return images * 0

    generate = reconstruct


def test_functions_stand_in_place_of_the_methods_of_a_model_of_the_harness():
    data = (bars(), FACTORS)
    assert harness.evaluate(Trained(), data, ["mig"], encode=Centre().encode)["mig"] == pytest.approx(1, abs=0.01)
    own = harness.evaluate(Trained(), data, ["mig", "reconstruction-error"])
    other = harness.evaluate(Trained(), data, ["mig", "reconstruction-error"], reconstruct=lambda images: images)
    assert other["mig"] == own["mig"]
    assert other["reconstruction-error"] < 1e-6 < own["reconstruction-error"]
    replaced = wrap(Trained(), ImageSpec(1, 8, 8), {"encode": Centre().encode}, 3)
    assert [replaced.can(ability) for ability in ("encode", "generate", "kl")] == [True, True, False]
    assert [replaced.code_groups, replaced.latents.width, Trained().latents.width] == [(), 3, 64]


class Encoder(Model):
    """A model of the harness that can only encode."""

    def __init__(self):
        super().__init__(Settings(), ImageSpec(1, 8, 8))

    def encode(self, images):
        return Centre().encode(images)


def test_a_model_read_back_from_results_is_scored_as_itself():
    for model in (Encoder(), Trained()):
        read_back = TrainedModel(None, model, None, None)
        for functions in ({}, {"encode": lambda images: images.flatten(1)[:, :4]}):
            found, expected = (
                harness.evaluate(each, (bars(), FACTORS), ["mig", "reconstruction-error", "ms-ssim"], **functions)
                for each in (read_back, model)
            )
            assert dict(found) == dict(expected)
            assert "mig" in found


def test_a_module_is_afterwards_in_the_modes_it_was_in():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Dropout(0.5), nn.Dropout(0.1).eval())
    for model in (net, Trained()):
        modes = [module.training for module in model.modules()]
        first, second = (dict(harness.evaluate(model, (bars(), FACTORS), ["mig"])) for _ in range(2))
        assert first == second, "nothing is dropped"
        assert [module.training for module in model.modules()] == modes


def test_a_generator_has_latents():
    def generate(latents):
        return latents.sigmoid().reshape(-1, 1, 8, 8)

    scores = harness.evaluate(None, bars(), ["ms-ssim", "memorisation"], generate=generate, latents=64)
    assert len(scores.records) == 2
    with pytest.raises(UserError, match="generate= needs latents="):
        harness.evaluate(None, bars(), ["ms-ssim"], generate=generate)


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (None, (bars(), FACTORS), "give a model, or functions"),
        (
            "model.ts.pt",
            (bars(), FACTORS),
            r"got 'model.ts.pt', a text; load it first: torch.jit.load\('model.ts.pt'\)",
        ),
        (Path("model.pt"), (bars(), FACTORS), "got 'model.pt', a text; load it first"),
        (Centre, (bars(), FACTORS), "expected a model, got the class Centre; give an object of it"),
        (
            Centre().state_dict(),
            (bars(), FACTORS),
            "expected a model, got OrderedDict; it is a torch.nn.Module, or None",
        ),
        (Centre(), None, "expected images .*, or a dataset or the name of a registered one, got NoneType None"),
        (Centre(), (bars() * 2, FACTORS), r"images of floats lie in \[0, 1\]"),
        (Centre(), (bars(), FACTORS[:-1]), "64 images and 63 rows of factors"),
        (Centre(), bars()[0, 0], r"expected images \(N, C, H, W\)"),
        (Centre(), {"images": bars(), "lables": FACTORS}, "unknown key 'lables'"),
        (Centre(), {"images": bars(), "labels": FACTORS}, "expected 64 labels, whole numbers from 0"),
        (Centre(), "sprite", "there is no dataset 'sprite'; did you mean 'sprites'"),
    ],
)
def test_a_mistake_is_one_message(model, data, message):
    with pytest.raises(UserError, match=message):
        harness.evaluate(model, data, ["mig"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encode": "centre"}, "encode= is a function of a batch of tensors, got 'centre'"),
        ({"latents": "10"}, "latents= is a number of normal codes or a harness.LatentSpace, got '10'"),
        ({"device": "cuda"}, "device='cuda': torch sees no GPU here; use device='cpu'"),
        ({"batch_size": 0}, "batch_size= is a number of images, at least 1, got 0"),
        ({"latents": 0}, "latents= is a number of normal codes .*, got 0"),
        ({"device": "gpu"}, "device='gpu': RuntimeError: Expected one of cpu, cuda"),
    ],
)
def test_a_wrong_argument_is_one_message(arguments, message, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # One of the arguments is a GPU, which may be here.
    with pytest.raises(UserError, match=message):
        harness.evaluate(Centre(), (bars(), FACTORS), ["mig"], **arguments)


def test_codes_of_a_wrong_shape_are_told():
    scores = harness.evaluate(None, (bars(), FACTORS), ["mig"], encode=lambda images: images)
    assert "expected (n, D) codes for n = 1, got the shape (1, 1, 8, 8)" in scores.record("mig").reason
