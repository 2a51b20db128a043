"""Forgetting: the maps that draw an object are found and dropped."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from harness import ImageSpec, LatentSpace, Model, NotApplicableError, Uniform
from harness.config import Settings
from harness.errors import UserError
from harness.pictures.trained_model import TrainedModel
from harness_dcgan_figures.forgetting import (
    Box,
    LastConvolution,
    drawing_maps,
    features_of_boxes,
    forget_boxes,
    forgetting_picture,
    read_boxes,
)

MAPS = 4
OBJECT = 2


class Generator(Model):
    """Draws a background with map 0 and, on the left half, an object with map 2; the others do nothing."""

    def __init__(self):
        super().__init__(Settings(), ImageSpec(1, 16, 16))
        self.latents = LatentSpace({"noise": Uniform(1)})
        self.unused = nn.Conv2d(1, 1, 1)
        self.first = nn.ConvTranspose2d(1, MAPS, 4, 4, bias=False)
        self.last = nn.ConvTranspose2d(MAPS, 1, 2, 2, bias=False)
        with torch.no_grad():
            self.first.weight.zero_()
            self.first.weight[0, 0] = 0.2
            self.first.weight[0, OBJECT] = 0.6
            self.first.weight[0, OBJECT, :, 2:] = 0
            self.last.weight.zero_()
            self.last.weight[[0, OBJECT]] = 1

    def generate(self, latents):
        seed = latents[:, :, None, None].abs().repeat(1, 1, 2, 2) * 0 + 1
        return self.last(self.first(seed).relu())


@pytest.fixture
def trained(painter):
    class Shape:
        image, device = ImageSpec(1, 16, 16), torch.device("cpu")

    return TrainedModel(painter.trial, Generator().eval(), Shape(), None)


def test_the_last_convolution_that_generates_is_found_and_its_input_read(trained):
    convolution = LastConvolution(trained)
    assert convolution.layer is trained.model.last
    maps = convolution.maps(trained.sample_latents(range(3)))
    assert maps.shape == (3, MAPS, 8, 8)
    assert maps[:, OBJECT, :, :2].unique().tolist() == [pytest.approx(0.6)]


def test_dropping_the_objects_map_leaves_the_background_and_is_undone(trained):
    latents = trained.sample_latents(range(2))
    before = trained.generate(latents)
    dropped = np.arange(MAPS) == OBJECT
    with LastConvolution(trained).without(dropped):
        without = trained.generate(latents)
    assert torch.equal(without, torch.full_like(without, 0.2))
    assert before.max() == pytest.approx(0.8)
    assert torch.equal(trained.generate(latents), before)


def test_a_generator_without_two_convolutions_cannot_forget(painter):
    with pytest.raises(NotApplicableError, match="through 0 modules"):
        LastConvolution(painter)


def test_boxes_find_the_map_that_draws_the_object(trained, tmp_path):
    # The object fills columns 0-3 and 8-11 of every sample; boxes are in pixels of the 16x16 image.
    path = tmp_path / "boxes.csv"
    path.write_text("sample,x0,y0,x1,y1\n" + "".join(f"{n},0,0,4,16\n{n},8,0,12,16\n" for n in range(20)))
    forgetting = forget_boxes(trained, path, seed=0)
    assert forgetting.dropped.tolist() == [False, False, True, False]
    picture = np.asarray(forgetting_picture(forgetting, seed=0))
    upper, lower = np.array_split(picture, 2)
    bright = round(255 * 0.8)
    assert (upper == bright).any()
    assert not (lower == bright).any()


def test_a_box_covers_the_locations_whose_centre_it_holds():
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    inside, outside = features_of_boxes(maps, [7], [Box(7, 4, 0, 12, 8)], (16, 16), np.random.default_rng(0))
    assert sorted(inside.flatten()) == [1, 2, 5, 6]
    assert outside.shape == (4, 1)
    tiny, _ = features_of_boxes(maps, [7], [Box(7, 13, 13, 13.5, 13.5)], (16, 16), np.random.default_rng(0))
    assert tiny.tolist() == [[15]]


@given(st.integers(0, 5), st.integers(1, 3))
def test_only_maps_that_tell_the_object_are_dropped(planted, at_most):
    rng = np.random.default_rng(planted)
    negatives = rng.normal(size=(200, 6)).astype(np.float32)
    positives = rng.normal(size=(200, 6)).astype(np.float32)
    positives[:, planted] += 6
    assert drawing_maps(positives, negatives)[planted]
    few = drawing_maps(positives, negatives, at_most)
    assert few[planted]
    assert few.sum() <= at_most


def test_boxes_are_read_from_json_and_csv(tmp_path):
    box = {"sample": 3, "x0": 1.5, "y0": 2, "x1": 9, "y1": 8}
    (tmp_path / "a.json").write_text(json.dumps([box, {**box, "sample": 4}]))
    (tmp_path / "a.csv").write_text("sample,x0,y0,x1,y1,note\n3,1.5,2,9,8,window\n4,1.5,2,9,8,door\n")
    expected = [Box(3, 1.5, 2, 9, 8), Box(4, 1.5, 2, 9, 8)]
    assert read_boxes(tmp_path / "a.json") == read_boxes(tmp_path / "a.csv") == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "sample,x0,y0,x1\n1,2,3,4\n", "box 1: expected sample, x0, y0, x1, y1"),
        ("a.csv", "sample,x0,y0,x1,y1\n1,2,3,4,5\n2,5,5,4,9\n", "box 2: expected a sample of 0 or more, x0 < x1"),
        ("a.csv", "sample,x0,y0,x1,y1\n1,2,3,4,b\n", "box 1: expected numbers"),
        ("a.csv", "sample,x0,y0,x1,y1\n1,2,3,4\n", "box 1: expected numbers"),
        ("a.csv", "", "expected a list of boxes"),
        ("a.json", "{", "neither JSON nor CSV"),
        ("a.json", "{}", "expected a list of boxes"),
        ("a.json", "[3]", "box 1: expected sample"),
        ("b.json", None, "No such file"),
    ],
)
def test_wrong_boxes_are_explained(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as error:
        read_boxes(tmp_path / name)
    assert message in str(error.value)
