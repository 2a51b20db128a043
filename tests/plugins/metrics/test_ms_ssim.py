import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Rng
from harness_metrics.samples.ms_ssim import MultiScaleSimilarity
from harness_metrics.samples.similarity import C1, C2, WEIGHTS, ms_ssim, scales, ssim

SIZES = [(8, 8), (21, 40), (22, 22), (32, 32), (64, 64), (28, 28), (175, 175), (176, 176), (400, 400)]


def flat(value, side=32):
    return torch.full((1, 1, side, side), value, dtype=torch.float64)


def test_the_window_fits_into_every_scale():
    assert [scales(*size) for size in SIZES] == [1, 1, 2, 2, 3, 2, 4, 5, 5]


@settings(max_examples=10)
@given(st.integers(0, 100), st.sampled_from([8, 16, 32, 48]), st.sampled_from([1, 3]))
def test_equal_images_are_wholly_similar(seed, side, channels):
    images = Rng(seed).uniform(3, channels, side, side)
    torch.testing.assert_close(ms_ssim(images, images), torch.ones(3).double())


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.2), (0.2, 0.8), (0.0, 1.0), (0.5, 0.6)])
def test_flat_images_differ_in_luminance_alone(a, b):
    """(2ab + C1) / (a² + b² + C1), on the coarsest of two scales, whose weight is the second's share of both."""
    luminance = (2 * a * b + C1) / (a**2 + b**2 + C1)
    assert ssim(flat(a), flat(b))[0].item() == pytest.approx(luminance)
    share = WEIGHTS[1] / (WEIGHTS[0] + WEIGHTS[1])
    assert ms_ssim(flat(a), flat(b)).item() == pytest.approx(luminance**share)


def test_one_window_by_hand():
    """An image as small as the window has one place: weighted means, variances and covariance."""
    a, b = Rng(0).uniform(2, 1, 1, 11, 11).double()
    bell = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    weights = np.outer(bell, bell) / bell.sum() ** 2
    x, y = a[0, 0].numpy(), b[0, 0].numpy()
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    variance_x, variance_y = (weights * (x - mean_x) ** 2).sum(), (weights * (y - mean_y) ** 2).sum()
    covariance = (weights * (x - mean_x) * (y - mean_y)).sum()
    structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    found, without_luminance = ssim(a, b)
    assert without_luminance.item() == pytest.approx(structure)
    assert found.item() == pytest.approx(luminance * structure)


def test_a_negative_is_not_similar():
    image = Rng(0).uniform(1, 1, 32, 32).round()
    assert ms_ssim(image, 1 - image).item() == pytest.approx(0, abs=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 100))
def test_it_does_not_matter_which_comes_first(seed):
    a, b = Rng(seed).uniform(2, 2, 3, 24, 24)
    torch.testing.assert_close(ms_ssim(a, b), ms_ssim(b, a))


def evaluate(evaluation, pairs=200):
    return MultiScaleSimilarity(MultiScaleSimilarity.Config(pairs=pairs)).score(evaluation)


def test_variety_is_told_beside_that_of_the_data(subjects):
    ideal, collapsed, noise = (evaluate(each) for each in (subjects.ideal(), subjects.collapsed(), subjects.noise()))
    single = evaluate(subjects.emitting(subjects.dataset.content[:1]))
    assert abs(ideal.value - ideal.details["real"]) < 4 * ideal.details["std"] / np.sqrt(80)
    assert collapsed.value > ideal.value + 0.03
    assert single.value == pytest.approx(1, abs=1e-4)
    assert noise.value < ideal.value, "noise is more diverse than any data: hence the value of the data beside it"
    assert ideal.details["real"] == collapsed.details["real"]
    assert ideal.details["scales"] == 1
    json.dumps(dict(ideal.details), allow_nan=False)
