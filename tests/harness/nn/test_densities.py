"""Closed forms against torch.distributions."""

import torch
from torch.distributions import Independent, Normal, OneHotCategorical, kl_divergence

from harness.nn.densities import categorical_log_probability, normal_kl, normal_log_density


def test_normal_log_density() -> None:
    x, mean, log_std = torch.randn(3, 6, 4)
    assert torch.allclose(
        normal_log_density(x, mean, log_std), Independent(Normal(mean, log_std.exp()), 1).log_prob(x), rtol=1e-4
    )
    assert torch.allclose(normal_log_density(x, mean), Independent(Normal(mean, 1.0), 1).log_prob(x))


def test_categorical_log_probability() -> None:
    logits = torch.randn(6, 3)
    one_hot = torch.eye(3)[torch.tensor([0, 1, 2, 0, 1, 2])]
    assert torch.allclose(
        categorical_log_probability(one_hot, logits), OneHotCategorical(logits=logits).log_prob(one_hot)
    )


def test_normal_kl() -> None:
    mean, log_variance = torch.randn(2, 6, 4)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
    assert torch.allclose(normal_kl(mean, log_variance), expected, rtol=1e-4, atol=1e-6)
