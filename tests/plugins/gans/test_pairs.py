"""Pairs that share one code."""

import pytest
import torch

from harness import Rng
from harness_gans.pairs import draw_pairs, make_pairs


@pytest.mark.parametrize("gap", [0.0, 0.5, 1.9])
def test_one_code_and_the_noise_are_shared_and_the_rest_differ_by_the_gap(gap: float) -> None:
    draws = draw_pairs(2000, codes=4, noise=3, rng=Rng(0))
    first, second = make_pairs(draws, torch.tensor(gap))
    assert first.shape == second.shape == (2000, 7)
    assert torch.equal(first[:, 4:], second[:, 4:])
    distance = (first - second)[:, :4].abs()
    rows = torch.arange(2000)
    assert not distance[rows, draws["shared"]].any()
    others = torch.ones(2000, 4, dtype=torch.bool)
    others[rows, draws["shared"]] = False
    assert distance[others].min().item() >= gap - 1e-6
    assert distance[others].min().item() > 0
    for half in (first, second):
        assert half.abs().max().item() <= 1 + 1e-6
        assert half.abs().max().item() > 0.99  # the whole range is used, whatever the gap


def test_all_codes_are_shared_equally_often() -> None:
    counts = draw_pairs(4000, codes=4, noise=0, rng=Rng(1))["shared"].bincount(minlength=4)
    assert counts.tolist() == pytest.approx([1000] * 4, abs=100)


def test_moving_apart_by_hand() -> None:
    """Gap 1: 0.6 and 0.2 shrink to 0.3 and 0.1, the larger rises and the smaller falls by 0.5."""
    draws = {
        "pair_codes": torch.tensor([[[0.6, 0.3], [0.2, 0.9]]]),
        "pair_noise": torch.tensor([[0.7]]),
        "shared": torch.tensor([1]),
    }
    first, second = make_pairs(draws, torch.tensor(1.0))
    assert torch.allclose(first, torch.tensor([[0.8, 0.3, 0.7]]))
    assert torch.allclose(second, torch.tensor([[-0.4, 0.3, 0.7]]))


def test_without_a_gap_codes_are_independent() -> None:
    draws = draw_pairs(5000, codes=2, noise=1, rng=Rng(2))
    first, second = make_pairs(draws, torch.tensor(0.0))
    other = 1 - draws["shared"]
    rows = torch.arange(5000)
    pairs = torch.stack([first[rows, other], second[rows, other]])
    assert torch.corrcoef(pairs)[0, 1].abs().item() < 0.05
    assert pairs.var(dim=1).tolist() == pytest.approx([1 / 3, 1 / 3], rel=0.05)
