from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from harness_metrics.samples.distances import frechet_distance, squared_mmd, squared_mmds


def with_moments(mean, covariance, n=50, seed=0):
    """n vectors whose sample mean and covariance are exactly these."""
    vectors = np.random.default_rng(seed).normal(size=(n, len(mean)))
    vectors -= vectors.mean(axis=0)
    vectors = vectors @ np.linalg.inv(np.linalg.cholesky(np.cov(vectors, rowvar=False).reshape(len(mean), -1))).T
    return vectors @ np.linalg.cholesky(np.asarray(covariance, float)).T + mean


class TestFrechet:
    def test_of_numbers(self):
        """(μ - μ')² + (σ - σ')²."""
        a, b = with_moments([1.0], [[4.0]]), with_moments([4.0], [[25.0]], n=80, seed=1)
        assert frechet_distance(a, b) == pytest.approx(3**2 + (5 - 2) ** 2)

    def test_of_independent_columns(self):
        a = with_moments([0, 1, 2], np.diag([1.0, 4.0, 9.0]))
        b = with_moments([1, 1, 4], np.diag([4.0, 4.0, 1.0]), seed=1)
        assert frechet_distance(a, b) == pytest.approx(1 + 4 + (2 - 1) ** 2 + 0 + (3 - 1) ** 2)

    @given(st.integers(0, 1000))
    def test_of_any_gaussians_against_the_textbook(self, seed):
        rng = np.random.default_rng(seed)
        (a, b), dimensions = rng.normal(size=(2, 4, 4)), 4
        a, b = a @ a.T + np.eye(dimensions), b @ b.T + np.eye(dimensions)
        means = rng.normal(size=(2, dimensions))
        expected = np.square(means[0] - means[1]).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
        found = frechet_distance(with_moments(means[0], a), with_moments(means[1], b, seed=1))
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-8)

    def test_agrees_with_torch_fidelity(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(300, 20)), rng.gamma(2.0, size=(200, 20))
        statistics = [fid_features_to_statistics(torch.from_numpy(each)) for each in (a, b)]
        theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
        assert frechet_distance(a, b) == pytest.approx(theirs, rel=1e-6)

    def test_fewer_vectors_than_columns(self):
        vectors = np.random.default_rng(0).normal(size=(2, 5, 30))
        assert frechet_distance(vectors[0], vectors[0]) == pytest.approx(0, abs=1e-8)
        assert frechet_distance(vectors[0], vectors[1]) == pytest.approx(frechet_distance(vectors[1], vectors[0]))
        assert frechet_distance(vectors[0], vectors[0] + 2) == pytest.approx(4 * 30)


def kernel(x, y):
    return (x @ y / len(x) + 1) ** 3


class TestKernel:
    def test_by_hand(self):
        """One column: k(1, 1) = 8, k(1, 0) = 1, k(0, 0) = 1."""
        ones, zeros = np.ones((2, 1)), np.zeros((3, 1))
        assert squared_mmd(ones, zeros) == pytest.approx(8 + 1 - 2 * 1)
        mixed = np.array([[0.0], [1.0]])
        assert squared_mmd(mixed, mixed) == pytest.approx(1 + 1 - 2 * (8 + 1 + 1 + 1) / 4)

    def test_it_is_unbiased(self):
        """Over all samples from two small populations its mean is their distance, which no sample's own need be."""
        first = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])
        second = np.array([[1.0, 1.0], [-1.0, 0.0]])

        def mean(a, b):
            return np.mean([kernel(x, y) for x in a for y in b])

        exact = mean(first, first) + mean(second, second) - 2 * mean(first, second)
        samples = [
            squared_mmd(np.array(a), np.array(b)) for a in product(first, repeat=2) for b in product(second, repeat=3)
        ]
        assert np.mean(samples) == pytest.approx(exact)
        assert min(samples) < 0 < exact

    def test_of_one_distribution_it_is_zero_on_average(self):
        rng = np.random.default_rng(0)
        found = [squared_mmd(rng.normal(size=(20, 3)), rng.normal(size=(30, 3))) for _ in range(300)]
        assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))

    def test_subsets_as_large_as_the_samples_are_the_samples(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(30, 4)), rng.normal(size=(30, 4)) + 1
        assert [*squared_mmds(a, b, 3, 30, rng)] == pytest.approx([squared_mmd(a, b)] * 3)
        assert np.std([*squared_mmds(a, b, 5, 10, rng)]) > 0
