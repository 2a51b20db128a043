"""Random numbers that belong to an image."""

import torch

from harness.seeds import seed_for
from harness_datasets.hashed import hashed_uniform


def mix(number):
    """MurmurHash3's finaliser, in integers without bounds."""
    number = (number ^ (number >> 16)) * 0x85EBCA6B % 2**32
    number = (number ^ (number >> 13)) * 0xC2B2AE35 % 2**32
    return number ^ (number >> 16)


def test_matches_arithmetic_without_overflow():
    seed = seed_for("toy", 1)
    index = 737_279
    row = mix(mix((index + seed % 2**32) % 2**32) ^ (seed >> 32) % 2**32)
    expected = [(mix((row + column * 0x9E3779B9) % 2**32) >> 8) / 2**24 for column in range(1000)]
    assert hashed_uniform(torch.tensor([index]), 1000, "toy", 1)[0].tolist() == expected


def test_is_uniform_and_uncorrelated():
    numbers = hashed_uniform(torch.arange(2000), 500, "toy")
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert (numbers.flatten().histc(20, 0, 1) / numbers.numel() * 20 - 1).abs().max() < 0.02
    for first, second in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
        correlation = torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]
        assert correlation.abs() < 0.005


def test_depends_on_index_and_purpose_alone():
    one, other = hashed_uniform(torch.tensor([3, 5]), 4, "toy"), hashed_uniform(torch.tensor([5, 9, 3]), 4, "toy")
    assert torch.equal(one, other[[2, 0]])
    assert not torch.equal(one, hashed_uniform(torch.tensor([3, 5]), 4, "toy", 1))
