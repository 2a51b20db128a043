from math import ceil, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.seeds import numpy_rng
from harness_selectors.halving import ModelCentralityHalving, halve, rounds_of

# How six models agree; the diagonal is never asked for.
MUTUAL = np.array(
    [
        [np.nan, 0.1, 0.2, 0.35, 0.4, 0.5],
        [0.1, np.nan, 0.9, 0.8, 0.7, 0.6],
        [0.2, 0.9, np.nan, 0.6, 0.9, 0.4],
        [0.35, 0.8, 0.6, np.nan, 0.2, 0.1],
        [0.4, 0.7, 0.9, 0.2, np.nan, 0.3],
        [0.5, 0.6, 0.4, 0.1, 0.3, np.nan],
    ]
)


class Script:
    """Draws what it is told to."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def choice(self, n, size, replace):
        drawn = self.draws.pop(0)
        assert len(drawn) == size
        assert not replace
        return np.array(drawn)


class FromMatrix(ModelCentralityHalving):
    """Reads accuracies off a matrix instead of making images."""

    def __init__(self, matrix, references):
        super().__init__(self.Config(references=references))
        self.matrix, self.evaluated = matrix, np.zeros_like(matrix, dtype=int)

    def fill(self, accuracies, wanted, models, progress):
        progress(1, 2)
        accuracies[wanted] = self.matrix[wanted]
        self.evaluated += wanted


class Place:
    """An evaluation that only knows its random numbers."""

    def __init__(self, rng):
        self.rng = lambda *purpose: rng


@pytest.fixture(autouse=True)
def _any_pool(monkeypatch):
    monkeypatch.setattr("harness_selectors.halving.generative", list)


def halved(matrix, references, rng):
    selector = FromMatrix(matrix, references)
    comparisons = selector.compare([Place(rng)] * len(matrix))
    return selector, comparisons


def centrality(matrix):
    mutual = (matrix + matrix.T) / 2
    np.fill_diagonal(mutual, np.nan)
    return np.nanmean(mutual, axis=1)


def test_every_round_by_hand():
    # Round 1, against 0 and 3: model 1 has .45, model 2 .4, models 0 and 3 .35, the others .3; of equals the first
    # stays. Round 2, against 1, 2, 4 and 5: model 0 has .3, models 1 and 2 .73. Round 3 is exact.
    def mutual(candidates, references):
        return MUTUAL[np.ix_(candidates, references)]

    rounds = halve(6, 2, mutual, Script([3, 0], [1, 2, 4, 5], range(6)))
    assert [candidates.tolist() for candidates in rounds] == [[0, 1, 2, 3, 4, 5], [0, 1, 2], [1, 2]]


def test_pairs_that_met_are_not_compared_again():
    selector, comparisons = halved(MUTUAL, 2, Script([3, 0], [1, 2, 4, 5], range(6)))
    # Round 1 compares all with 0 and 3: 9 pairs. Round 2 adds 1-2, 1-4, 1-5, 2-4 and 2-5, round 3 nothing.
    assert selector.evaluated.max() == 1
    assert np.isfinite(comparisons).sum() == selector.evaluated.sum() == 2 * (9 + 5)
    assert np.isnan(comparisons[4, 5])
    assert np.isnan(np.diag(comparisons)).all()
    # 1 and 2 met all five others, 0 and 3 too; 4 and 5 did not meet each other.
    expected = np.array([1.55, 3.1, 3.0, 2.05, np.nan, np.nan]) / 5
    np.testing.assert_allclose(selector.scores(comparisons), expected)


def random_accuracies(n, seed):
    return numpy_rng("accuracies", n, seed).random((n, n))


@given(n=st.integers(2, 9), seed=st.integers(0, 100))
def test_with_as_many_references_as_models_it_is_exact(n, seed):
    matrix = random_accuracies(n, seed)
    selector, comparisons = halved(matrix, max(n, 2), np.random.default_rng(seed))
    assert np.isfinite(comparisons).sum() == n * (n - 1)
    np.testing.assert_allclose(selector.scores(comparisons), centrality(matrix))


@given(n=st.integers(2, 40), references=st.integers(2, 6), seed=st.integers(0, 100))
def test_the_choice_is_at_least_as_central_as_where_halving_ends(n, references, seed):
    matrix = random_accuracies(n, seed)
    selector, comparisons = halved(matrix, references, np.random.default_rng(seed))
    exact, scores = centrality(matrix), selector.scores(comparisons)

    def mutual(candidates, drawn):
        known = (matrix + matrix.T) / 2
        np.fill_diagonal(known, np.nan)
        return known[np.ix_(candidates, drawn)]

    last = halve(n, references, mutual, np.random.default_rng(seed))[-1]
    assert len(last) <= max(references, 2)
    np.testing.assert_allclose(scores[last], exact[last])
    known = ~np.isnan(scores)
    np.testing.assert_allclose(scores[known], exact[known])
    assert exact[np.nanargmax(scores)] >= exact[last].max() - 1e-12


@given(n=st.integers(2, 40), references=st.integers(2, 6), seed=st.integers(0, 100))
def test_progress_is_through_all_rounds(n, references, seed):
    selector, told = FromMatrix(random_accuracies(n, seed), references), []
    selector.progress = lambda done, of: told.append(done / of)
    selector.compare([Place(np.random.default_rng(seed))] * n)
    rounds = rounds_of(n, references)
    np.testing.assert_allclose(told, (np.arange(rounds) + 0.5) / rounds)


@given(n=st.integers(16, 128), seed=st.integers(0, 20))
def test_the_number_of_comparisons_is_not_quadratic(n, seed):
    selector, _ = halved(random_accuracies(n, seed), 2, np.random.default_rng(seed))
    assert selector.evaluated.sum() <= 2 * 2 * n * ceil(log2(n))


def test_a_model_that_agrees_with_all_is_found_among_many():
    n = 100
    quality = np.linspace(0, 1, n)
    noise = numpy_rng("noise").normal(scale=0.02, size=(n, n))
    matrix = np.sqrt(quality[:, None] * quality) + noise
    selector, comparisons = halved(matrix, 4, numpy_rng("references"))
    chosen = np.nanargmax(selector.scores(comparisons))
    assert chosen in np.argsort(-centrality(matrix))[:3]
    assert np.isfinite(comparisons).sum() < 0.4 * n**2


def test_a_pair_that_never_met_is_never_counted():
    selector, comparisons = halved(MUTUAL, 2, Script([3, 0], [1, 2, 4, 5], range(6)))
    some = [1, 4, 5]
    np.testing.assert_allclose(selector.scores(comparisons[np.ix_(some, some)]), [1.3 / 2, np.nan, np.nan])
    assert not selector.complete
