"""Digits: scikit-learn's own images and labels, enlarged."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn.functional import avg_pool2d

from harness.config import parse
from harness.errors import UserError
from harness_datasets.digits import Digits


def make(**config):
    digits = Digits(parse(Digits.Config, config, "dataset"))
    digits.load()
    return digits


@pytest.fixture(scope="module")
def digits():
    return make()


@pytest.fixture(scope="module")
def everything(digits):
    return digits.images(torch.arange(len(digits)))


def test_count(digits):
    assert len(digits) == len(load_digits().target) == 1797


def test_labels_are_the_originals(digits):
    labels = digits.labels(torch.arange(len(digits)))
    assert labels.dtype == torch.int64
    assert labels.tolist() == load_digits().target.tolist()
    assert labels.unique().tolist() == list(range(digits.classes))


def test_the_contract_is_kept(digits, assert_keeps_contract):
    assert_keeps_contract(digits)


def test_format(digits, everything):
    assert str(digits.image) == "1x32x32"
    assert everything.min() == 0
    assert everything.max() == 1


def test_images_fade_out_before_the_border(everything):
    border = torch.ones(32, 32)
    border[1:-1, 1:-1] = 0
    assert (everything * border).max() < 0.1


@pytest.mark.parametrize("size", [10, 40])
def test_images_show_the_originals(size):
    # At multiples of the bordered original, block averages give its pixels back but for the smoothing.
    digits = make(image_size=size)
    blocks = avg_pool2d(digits.images(torch.arange(1797)), size // 10)[:, 0, 1:-1, 1:-1]
    originals = torch.from_numpy(load_digits().images).float() / 16
    assert (blocks - originals).abs().mean() < 0.05
    assert (blocks - originals).abs().max() < 0.5


@pytest.mark.parametrize("size", [0, 9, "32"])
def test_wrong_sizes_are_explained(size):
    with pytest.raises(UserError, match=r"dataset\.image_size: got"):
        parse(Digits.Config, {"image_size": size}, "dataset")
