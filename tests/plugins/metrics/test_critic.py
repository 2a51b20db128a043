import json

import pytest
import torch
from torch import nn

from harness import ImageSpec, NotApplicableError, Rng
from harness_metrics.samples.critic import WassersteinCritic, critic_loss, critic_network

QUICK = {"steps": 40, "width": 8, "batch_size": 32, "learning_rate": 1e-3, "samples": 400}


def evaluate(evaluation, **config):
    return WassersteinCritic(WassersteinCritic.Config(**{**QUICK, **config})).score(evaluation)


class Steep(nn.Module):
    """slope · (sum of the pixels)."""

    def __init__(self, slope):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, images):
        return self.slope * images.flatten(1).sum(dim=1, keepdim=True)


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_the_loss_by_hand(slope):
    """Of 2x2 images the gradient's norm is 2 · slope: the penalty is 10 (2 slope - 1)²."""
    real, fake = torch.full((3, 1, 2, 2), 0.75), torch.full((3, 1, 2, 2), 0.25)
    loss = critic_loss(Steep(slope), real, fake, Rng(0).uniform(3, 1, 1, 1))
    assert loss.item() == pytest.approx(slope * (4 * 0.25 - 4 * 0.75) + 10 * (2 * slope - 1) ** 2)


@pytest.mark.parametrize("image", [ImageSpec(1, 32, 32), ImageSpec(3, 28, 28), ImageSpec(1, 8, 5)])
def test_the_critic_takes_images_of_any_size(image):
    assert critic_network(image, 4)(torch.rand(5, image.channels, image.height, image.width)).shape == (5, 1)


def test_real_images_are_harder_to_tell_than_one_kind_and_that_is_harder_than_noise(subjects):
    ideal, collapsed, noise = (evaluate(each) for each in (subjects.ideal(), subjects.collapsed(), subjects.noise()))
    assert ideal.value < collapsed.value < noise.value
    assert ideal.details["images"] == 40
    json.dumps(dict(ideal.details), allow_nan=False)


def test_a_memoriser_is_exposed_by_the_gap_on_training_images(strokes, subjects_of):
    """With few images, so that copies of some are told from others."""
    subjects = subjects_of(strokes(60), held_out=20)
    settings = {"steps": 100, "learning_rate": 2e-3}
    ideal, memoriser = evaluate(subjects.ideal(), **settings), evaluate(subjects.memoriser(), **settings)

    def overfitting(score):
        return score.value - score.details["training"]

    assert overfitting(memoriser) > overfitting(ideal)
    assert memoriser.details["seen"] > memoriser.details["training"]


def test_numbers_repeat_and_draw_from_no_other_generator(subjects):
    before = torch.random.get_rng_state()
    first = evaluate(subjects.noise(), steps=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert evaluate(subjects.noise(), steps=3) == first
    assert evaluate(subjects.noise(), steps=4) != first


def test_it_needs_held_out_images(strokes, subjects_of, load):
    without = subjects_of(strokes(), held_out=0).ideal()
    assert without.lacks(WassersteinCritic.needs) == "no images were held out; set training.held_out"
    with pytest.raises(NotApplicableError, match=r"a single image was held out; set training\.held_out"):
        evaluate(subjects_of(strokes(), held_out=1).ideal())
    assert load("aligned").lacks(WassersteinCritic.needs)
