"""Guided gradients, against a network small enough to work them out."""

import numpy as np
import pytest
import torch
from torch import nn

from harness import ImageSpec, Model, NotApplicableError
from harness.config import Settings
from harness_dcgan_figures import guided_backpropagation as filters
from harness_dcgan_figures.guided_backpropagation import guided, guided_gradients, strongest_responses


class Net(Model):
    """Two rectified 1x1 convolutions with known weights."""

    def __init__(self, rectifier=nn.ReLU):
        super().__init__(Settings(), ImageSpec(2, 2, 2))
        self.first, self.second = nn.Conv2d(2, 2, 1, bias=False), nn.Conv2d(2, 1, 1, bias=False)
        self.rectifiers = nn.ModuleList([rectifier(), rectifier()])
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[1.0, -2.0], [-1.0, 3.0]]).reshape(2, 2, 1, 1))
            self.second.weight.copy_(torch.tensor([[2.0, 1.0]]).reshape(1, 2, 1, 1))

    def features(self, images):
        hidden = self.rectifiers[0](self.first(images))
        return [hidden, self.rectifiers[1](self.second(hidden))]


@pytest.mark.parametrize("rectifier", [nn.ReLU, lambda: nn.LeakyReLU(0.2), lambda: nn.ReLU(inplace=True)])
def test_gradients_flow_only_where_input_and_gradient_are_positive(rectifier):
    net = Net(rectifier)
    images = torch.tensor([[1.0, 0.2], [0.9, 0.1]])[..., None, None].repeat(1, 1, 2, 2)
    images[:, :, 0, 0] *= 2  # The largest response is here.
    gradients = guided_gradients(net, images, 0)
    # Hidden units: 1 * a - 2 * b > 0 passes its weights times 2; -a + 3 * b < 0 passes nothing.
    expected = torch.zeros(2, 2, 2, 2)
    expected[:, 0, 0, 0], expected[:, 1, 0, 0] = 2.0, -4.0
    assert torch.allclose(gradients, expected)


def test_a_negative_gradient_is_stopped_at_a_rectifier():
    net = Net()
    with torch.no_grad():
        net.second.weight.copy_(torch.tensor([[2.0, -1.0]]).reshape(1, 2, 1, 1))
    images = torch.tensor([[1.0, 0.4]])[..., None, None].repeat(1, 1, 2, 2)
    # Both hidden units are positive (0.2 each); the second one would receive a gradient of -1.
    assert guided_gradients(net, images, 0).flatten(2).sum(dim=2).tolist() == [pytest.approx([2.0, -4.0])]


def test_the_network_is_as_before_after_a_guided_gradient():
    net, images = Net(), torch.rand(3, 2, 2, 2, requires_grad=True)
    (before,) = torch.autograd.grad(net.features(images)[-1].sum(), images)
    with guided(net):
        pass
    (after,) = torch.autograd.grad(net.features(images)[-1].sum(), images)
    assert torch.equal(before, after)


def test_a_model_without_rectifiers_cannot_be_guided():
    with pytest.raises(NotApplicableError, match=r"no nn.ReLU or nn.LeakyReLU"), guided(Net(nn.Identity)):
        pass


def test_the_strongest_responses_are_the_largest_anywhere_in_the_image():
    net = Net()
    images = torch.zeros(4, 2, 2, 2)
    for image, value in enumerate([0.1, 0.9, 0.3, 0.5]):
        images[image, 0, image % 2, 1] = value
    assert strongest_responses(net, images, features=1, count=3).tolist() == [[1, 3, 2]]


def test_the_picture_has_trained_and_random_filters(painter, monkeypatch):
    class Seeing(type(painter.model)):
        def features(self, images):
            return [self.net(images)]

    def seeing():
        model = Seeing()
        model.net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU())
        return model.eval()

    painter.model = seeing()
    monkeypatch.setattr(painter, "untrained", seeing)
    picture = np.asarray(filters.filters_picture(painter, seed=0))
    # Six features, each with images and gradients; eight images; two panels.
    assert picture.shape[0] > 12 * 64
    assert picture.shape[1] > 16 * 64
