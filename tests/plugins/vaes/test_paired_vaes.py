"""VAEs that learn from pairs: which latents are shared, and what becomes of them."""

import math
from typing import Any

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import laplace, norm
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from harness import Draws, ImageSpec, LaplaceSteps, ResampledFactors, Rng
from harness.config import parse
from harness.model import build
from harness.plugins.manager import PluginManager
from harness_vaes.ada_gvae import AdaGVAE, AdaMLVAE
from harness_vaes.beta_vae import BetaVAE
from harness_vaes.group_vae import GroupVAE
from harness_vaes.paired_vae import PairedVAE, divergence
from harness_vaes.slow_vae import SlowVAE, laplace_cross_entropy
from harness_vaes.vae import VAE, Posterior

IMAGE = ImageSpec(1, 16, 16)
FAMILY = {"ada-gvae": AdaGVAE, "ada-ml-vae": AdaMLVAE, "group-vae": GroupVAE, "slow-vae": SlowVAE}


def make(cls: type[VAE], **config: Any) -> Any:
    return build(cls, parse(cls.Config, {"width": 0.05, "latents": 4, **config}, ""), IMAGE, Rng(0))


def batch() -> Tensor:
    return torch.rand(6, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def draws_of(model: VAE, changed: int = 1) -> Draws:
    mask = torch.zeros(3, 5, dtype=torch.bool)
    mask[:, :changed] = True
    return {**model.draw(6, Rng(1)), "changed": mask}


def posterior() -> Posterior:
    mean, log_variance, noise = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0))
    return Posterior(mean, log_variance, mean + (log_variance / 2).exp() * noise)


@pytest.mark.parametrize(("name", "cls"), FAMILY.items())
def test_registered_with_the_size_of_a_vae_and_says_how_pairs_are_made(name: str, cls: type[VAE]) -> None:
    assert PluginManager().registry.find("models", name).load() is cls
    assert cls.source
    sizes = [sum(p.numel() for p in make(each).parameters()) for each in (cls, VAE)]
    assert sizes[0] == sizes[1]
    assert make(VAE).pairs() is None
    pairs = make(cls, data_rate=3.0) if cls is SlowVAE else make(cls, changed_factors=2)
    assert pairs.pairs() == (LaplaceSteps(3.0) if cls is SlowVAE else ResampledFactors(2))


def test_the_divergence_is_that_of_the_first_posterior_from_the_second() -> None:
    q = posterior()
    deviation = (q.log_variance / 2).exp()
    expected = kl_divergence(Normal(q.mean[:3], deviation[:3]), Normal(q.mean[3:], deviation[3:]))
    torch.testing.assert_close(divergence(q), expected)


def test_the_threshold_is_half_way_between_the_smallest_and_the_largest_divergence() -> None:
    divergences = torch.tensor([[0.0, 4.0, 2.0, 1.9], [1.0, 1.0, 1.0, 1.0], [5.0, 0.1, 0.2, 0.3]])
    expected = [[False, True, True, False], [True] * 4, [True, False, False, False]]
    assert make(AdaGVAE).keeps(divergences, {}).tolist() == expected


def test_a_group_vae_keeps_as_many_latents_as_factors_have_changed() -> None:
    divergences = torch.tensor([[0.0, 4.0, 2.0, 1.9], [1.0, 3.0, 2.0, 0.5], [5.0, 0.1, 0.2, 0.3]])
    changed = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
    expected = [[False, True, True, False], [False] * 4, [True, False, True, True]]
    assert make(GroupVAE).keeps(divergences, {"changed": changed}).tolist() == expected


MEANS = (torch.tensor([1.0]), torch.tensor([4.0]), torch.tensor([1.0]), torch.tensor([2.0]))
"""Two Gaussians N(1, 1) and N(4, 2)."""


@pytest.mark.parametrize(
    ("cls", "config", "mean", "variance"),
    [
        (AdaGVAE, {}, 2.5, 1.5),
        (GroupVAE, {}, 2.5, 1.5),
        (AdaMLVAE, {}, 2.0, 4 / 3),
        (AdaMLVAE, {"shared_variance": "product"}, 2.0, 2 / 3),
        (GroupVAE, {"averaging": "product"}, 2.0, 4 / 3),
    ],
)
def test_what_shared_posteriors_become(cls: type[PairedVAE], config: Any, mean: float, variance: float) -> None:
    found = make(cls, **config).average(*MEANS)
    assert [value.item() for value in found] == pytest.approx([mean, variance])


@pytest.mark.parametrize("cls", [AdaGVAE, AdaMLVAE, GroupVAE])
def test_the_loss_by_hand_image_by_image(cls: type[PairedVAE]) -> None:
    model, images = make(cls, beta=3.0), batch()
    draws = draws_of(model, changed=2)
    own = model.infer(images, draws["noise"])
    kept = model.keeps(divergence(own), draws)
    error, kl = 0.0, 0.0
    for n in range(6):
        pair, sample = (n % 3, n % 3 + 3), []
        for d in range(4):
            mean, log_variance = own.mean[n, d], own.log_variance[n, d]
            if not kept[n % 3, d]:
                means, variances = own.mean[pair, d], own.log_variance[pair, d].exp()
                mean, log_variance = (value.squeeze() for value in model.average(*means, *variances))
                log_variance = log_variance.log()
            sample.append(mean + (log_variance / 2).exp() * draws["noise"][n, d])
            kl += 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).item() / 6
        made = model.generate(torch.stack(sample)[None])[0]
        error -= (images[n] * made.log() + (1 - images[n]) * (1 - made).log()).sum().item() / 6
    terms = model.elbo(images, draws)
    assert terms["reconstruction"].item() == pytest.approx(error, rel=1e-4)
    assert terms["kl"].item() == pytest.approx(3 * kl, rel=1e-4)


def test_where_nothing_is_shared_it_is_a_beta_vae_of_all_images() -> None:
    images = batch()
    for cls, settings, changed in ((AdaGVAE, {"latents": 1}, 1), (AdaMLVAE, {"latents": 1}, 1), (GroupVAE, {}, 5)):
        model, parent = make(cls, **settings), make(BetaVAE, **settings)
        draws = draws_of(model, changed)
        for name, value in parent.elbo(images, draws).items():
            torch.testing.assert_close(model.elbo(images, draws)[name], value)


# SlowVAE


@pytest.mark.parametrize(("mean", "deviation", "rate"), [(0.0, 1.0, 6.0), (-2.0, 0.3, 1.0), (0.7, 2.0, 3.0)])
def test_the_cross_entropy_with_a_laplace_distribution_by_integration(
    mean: float, deviation: float, rate: float
) -> None:
    def integrand(z: float) -> float:
        return -float(norm.pdf(z, mean, deviation) * laplace.logpdf(z, scale=1 / rate))

    expected = sum(quad(integrand, *ends)[0] for ends in ((-30, 0), (0, mean), (mean, 30)))
    found = laplace_cross_entropy(torch.tensor(mean), torch.tensor(2 * math.log(deviation)), rate)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_the_prior_of_changes_has_both_ways_of_each_pair_and_the_entropy_once() -> None:
    q, total = posterior(), 0.0
    for first, second in [(n, n + 3) for n in range(3)] + [(n + 3, n) for n in range(3)]:
        for d in range(4):
            change, log_variance = q.mean[first, d] - q.mean[second, d], q.log_variance[first, d]
            total += laplace_cross_entropy(change, log_variance, 6.0).item() / 3
            total -= Normal(0.0, (log_variance / 2).exp()).entropy().item() / 6
    terms = make(SlowVAE, gamma=5.0, beta=2.0).regulariser(q, {})
    assert terms["change"].item() == pytest.approx(5 * total, rel=1e-5)
    assert terms["kl"].item() == pytest.approx(2 * q.kl().item(), rel=1e-6)


def test_without_the_prior_of_changes_it_is_twice_a_beta_vae_of_half_the_weight() -> None:
    model, parent, images = make(SlowVAE, gamma=0.0, beta=4.0), make(BetaVAE, beta=2.0), batch()
    draws = draws_of(model)
    total = sum(model.elbo(images, draws).values())
    torch.testing.assert_close(total, 2 * sum(parent.elbo(images, draws).values()))
