"""Votes of the FactorVAE score, counted by hand."""

import numpy as np
import pytest

from harness import count_votes

WITHIN = np.array([[1.0, 4.0, 0.0], [3.0, 1.0, 0.0], [1.0, 8.0, 0.0], [2.0, 4.0, 0.0]])
OVERALL = np.array([2.0, 8.0, 0.0])
FIXED = np.array([0, 1, 1, 0])


@pytest.mark.parametrize(
    ("dead_codes", "votes"),
    [
        # Of the living codes, the ratios are (1/2, 1/2), (3/2, 1/8), (1/2, 1) and (1, 1/2); the first is a tie.
        ("abstain", [[1, 1, 0], [1, 1, 0]]),
        ("win", [[0, 0, 2], [0, 0, 2]]),
    ],
)
def test_the_code_that_varies_least_in_a_group_votes_for_its_factor(dead_codes, votes):
    assert count_votes(WITHIN, OVERALL, FIXED, 2, dead_codes=dead_codes).tolist() == votes


def test_where_all_codes_are_dead_nobody_votes_or_the_first_wins():
    dead = np.zeros((4, 2)), np.zeros(2), FIXED, 3
    assert count_votes(*dead, dead_codes="abstain").tolist() == [[0, 0], [0, 0], [0, 0]]
    assert count_votes(*dead, dead_codes="win").tolist() == [[2, 0], [2, 0], [0, 0]]
