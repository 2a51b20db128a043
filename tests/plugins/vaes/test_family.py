"""The descendants of the VAE: what each adds to the reconstruction."""

import math
from typing import Any

import pytest
import torch
from scipy.spatial.distance import directed_hausdorff
from torch import Tensor
from torch.distributions import Normal

from harness import ImageSpec, Rng
from harness.config import parse
from harness.model import ABILITIES, build, overridden
from harness.objective import Draws
from harness.plugins.manager import PluginManager
from harness_vaes.annealed_vae import AnnealedVAE
from harness_vaes.beta_tcvae import BetaTCVAE, total_correlation
from harness_vaes.beta_vae import BetaVAE
from harness_vaes.dip_vae import DIPVAE1, DIPVAE2
from harness_vaes.factor_vae import FactorVAE
from harness_vaes.hfs_vae import HFSVAE, distance_to_factorised_support
from harness_vaes.info_vae import InfoVAE, discrepancy
from harness_vaes.vae import VAE, Posterior

IMAGE = ImageSpec(1, 16, 16)
FAMILY = {
    "vae": VAE,
    "annealed-vae": AnnealedVAE,
    "factor-vae": FactorVAE,
    "beta-tcvae": BetaTCVAE,
    "dip-vae-1": DIPVAE1,
    "dip-vae-2": DIPVAE2,
    "hfs-vae": HFSVAE,
    "info-vae": InfoVAE,
}


def make(cls: type[VAE], **config: Any) -> Any:
    return build(cls, parse(cls.Config, {"width": 0.05, "latents": 3, **config}, ""), IMAGE, Rng(0))


def batch() -> Tensor:
    return torch.rand(8, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def draws_of(model: VAE, step: int = 0) -> Draws:
    schedule = {name: torch.tensor(value) for name, value in model.schedule(step).items()}
    return {**model.draw(8, Rng(1)), **schedule}


def posterior(n: int = 8, latents: int = 3) -> Posterior:
    torch.manual_seed(0)
    mean, log_variance, noise = torch.randn(3, n, latents)
    return Posterior(mean, log_variance, mean + (log_variance / 2).exp() * noise)


@pytest.mark.parametrize(("name", "cls"), FAMILY.items())
def test_registered_and_able_to_do_all_that_a_vae_can(name: str, cls: type[VAE]) -> None:
    assert PluginManager().registry.find("models", name).load() is cls
    assert set(ABILITIES) - set(overridden(cls)) == {"features"}
    assert cls.source


@pytest.mark.parametrize("cls", FAMILY.values())
def test_training_changes_only_the_networks_of_each_objective_and_lowers_the_loss(cls: type[VAE], stepper: Any) -> None:
    run = stepper(make(cls, learning_rate=1e-3), batch)
    first = run.step(0)
    for step in range(1, 25):
        last = run.step(step)
    assert last["elbo/reconstruction"] < first["elbo/reconstruction"]
    expected = {"elbo": {"encoder", "decoder"}}
    if cls is FactorVAE:
        expected["discriminator"] = {"discriminator"}
        assert run.log[:4] == ["elbo", "discriminator"] * 2
    assert run.changed == expected


@pytest.mark.parametrize("cls", FAMILY.values())
def test_losses_are_pure(cls: type[VAE]) -> None:
    model = make(cls)
    draws = draws_of(model)
    state = torch.get_rng_state()
    for objective in model.objectives():
        loss = objective.loss_at(0)
        assert loss(batch(), draws) == loss(batch(), draws)
    assert torch.equal(state, torch.get_rng_state())


# AnnealedVAE


def test_capacity_rises_linearly_and_stays() -> None:
    model = make(AnnealedVAE, capacity=20.0, annealing_steps=100)
    assert [model.schedule(step)["capacity"] for step in (0, 25, 100, 1000)] == [0, 5, 20, 20]


@pytest.mark.parametrize("capacity", [0.0, 100.0])
def test_annealed_vae_keeps_the_kl_at_the_capacity(capacity: float) -> None:
    q = posterior()
    [(name, term)] = make(AnnealedVAE, gamma=7.0).regulariser(q, {"capacity": torch.tensor(capacity)}).items()
    assert name == "kl"
    assert term.item() == pytest.approx(7 * abs(q.kl().item() - capacity), rel=1e-5)


# beta-TCVAE


def test_total_correlation_by_hand() -> None:
    """Every density written out, image by image and latent by latent."""
    q, n, latents = posterior(4, 2), 4, 2
    total = 0.0
    for j in range(n):
        density = [
            [
                math.exp(Normal(q.mean[i, k], (q.log_variance[i, k] / 2).exp()).log_prob(q.sample[j, k]).item())
                for k in range(latents)
            ]
            for i in range(n)
        ]
        joint = sum(d[0] * d[1] for d in density) / n
        marginals = [sum(d[k] for d in density) / n for k in range(latents)]
        total += math.log(joint) - sum(math.log(m) for m in marginals)
    assert total_correlation(q).item() == pytest.approx(total / n, rel=1e-4)


def test_total_correlation_of_one_latent_is_zero_and_grows_with_dependence() -> None:
    assert total_correlation(posterior(16, 1)).item() == pytest.approx(0, abs=1e-6)
    independent = posterior(64, 2)
    alike = Posterior(torch.zeros(16, 2), torch.zeros(16, 2), torch.randn(16, 2))
    assert total_correlation(alike).item() == pytest.approx(0, abs=1e-4)
    copied = Posterior(*(part[:, :1].expand(-1, 2) for part in independent))
    assert total_correlation(copied) > total_correlation(independent)


def test_beta_tcvae_weighs_the_total_correlation_by_beta_minus_one() -> None:
    q = posterior()
    terms = make(BetaTCVAE, beta=4.0).regulariser(q, {})
    assert terms["kl"] == q.kl()
    assert terms["total_correlation"].item() == pytest.approx(3 * total_correlation(q).item(), rel=1e-6)
    assert make(BetaTCVAE, beta=1.0).regulariser(q, {})["total_correlation"].item() == 0


# DIP-VAE


@pytest.mark.parametrize(("cls", "factor"), [(DIPVAE1, 10.0), (DIPVAE2, 1.0)])
def test_dip_vae_terms_by_hand(cls: type[DIPVAE1], factor: float) -> None:
    q = posterior()
    covariance = torch.cov(q.mean.T, correction=0)
    if cls is DIPVAE2:
        covariance += torch.diag(q.log_variance.exp().mean(0))
    off = sum(covariance[i, j].item() ** 2 for i in range(3) for j in range(3) if i != j)
    diagonal = sum((covariance[i, i].item() - 1) ** 2 for i in range(3))
    terms = make(cls, off_diagonal_weight=5.0).regulariser(q, {})
    assert terms["kl"] == q.kl()
    assert terms["off_diagonal"].item() == pytest.approx(5 * off, rel=1e-4)
    assert terms["diagonal"].item() == pytest.approx(5 * factor * diagonal, rel=1e-4)


# HFS


def test_the_distance_is_scipys_of_all_combinations_of_values_from_those_that_occur() -> None:
    codes = posterior(7, 4).mean.double()
    pairs = torch.tensor([[0, 1], [1, 3], [2, 3]])
    expected = 0.0
    for k, m in pairs.tolist():
        combinations = torch.cartesian_prod(codes[:, k], codes[:, m])
        expected += directed_hausdorff(combinations.numpy(), codes[:, [k, m]].numpy())[0] ** 2
    assert distance_to_factorised_support(codes, pairs).item() == pytest.approx(expected)
    assert torch.autograd.gradcheck(lambda z: distance_to_factorised_support(z, pairs), codes.requires_grad_())


def test_correlated_codes_keep_a_factorised_support_if_every_combination_occurs() -> None:
    square = torch.cartesian_prod(torch.arange(3.0), torch.arange(3.0))
    unequal = square.repeat_interleave(torch.tensor([5, 1, 1, 1, 5, 1, 1, 1, 5]), dim=0)
    pair = torch.tensor([[0, 1]])
    assert torch.corrcoef(unequal.T)[0, 1] > 0.4
    assert distance_to_factorised_support(unequal, pair).item() == 0
    # Without the two corners, (0, 2) and (2, 0), the nearest points are 1 away.
    assert distance_to_factorised_support(square[[0, 1, 3, 4, 5, 7, 8]], pair).item() == 1


def test_hfs_looks_at_new_pairs_of_latents_in_every_step_and_is_a_beta_vae_without_its_weight() -> None:
    model = make(HFSVAE, latents=5, pairs=4, beta=3.0, gamma=0.0)
    rng = Rng(1)
    drawn = [model.draw(8, rng)["pairs"] for _ in range(40)]
    assert {pairs.shape for pairs in drawn} == {(4, 2)}
    assert all(len(set(map(tuple, pairs.tolist()))) == 4 for pairs in drawn)
    assert {tuple(pair) for pairs in drawn for pair in pairs.tolist()} == {(k, m) for m in range(5) for k in range(m)}
    assert make(HFSVAE, latents=3).draw(8, rng)["pairs"].shape == (3, 2)
    alone = make(HFSVAE, latents=1)
    assert alone.regulariser(posterior(8, 1), alone.draw(8, rng))["support"].item() == 0
    q = posterior(8, 5)
    terms = model.regulariser(q, {"pairs": drawn[0]})
    assert terms["kl"].item() == pytest.approx(3 * q.kl().item())
    assert terms["support"].item() == 0
    weighed = make(HFSVAE, latents=5, gamma=7.0).regulariser(q, {"pairs": drawn[0]})["support"].item()
    assert weighed == pytest.approx(7 * distance_to_factorised_support(q.mean, drawn[0]).item())


# InfoVAE


def test_the_discrepancy_by_hand() -> None:
    first, second = posterior(4, 2).sample, posterior(3, 2).mean + 1

    def kernel(x: Tensor, y: Tensor) -> float:
        return math.exp(-((x - y) ** 2).sum().item() / 4)

    def mean(xs: Tensor, ys: Tensor) -> float:
        return sum(kernel(x, y) for x in xs for y in ys) / len(xs) / len(ys)

    expected = mean(first, first) + mean(second, second) - 2 * mean(first, second)
    assert discrepancy(first, second).item() == pytest.approx(expected, rel=1e-5)
    assert discrepancy(first, first).item() == pytest.approx(0, abs=1e-6)


def test_info_vae_is_the_vae_at_alpha_0_and_lambda_1_and_leaves_single_posteriors_free_at_alpha_1() -> None:
    q, prior = posterior(), torch.randn(8, 3, generator=torch.Generator().manual_seed(2))
    plain = make(InfoVAE, alpha=0.0, scale=1.0).regulariser(q, {"prior": prior})
    assert plain["kl"] == q.kl()
    assert plain["mmd"].item() == 0
    free = make(InfoVAE, alpha=1.0, scale=50.0).regulariser(q, {"prior": prior})
    assert free["kl"].item() == 0
    assert free["mmd"].item() == pytest.approx(50 * discrepancy(q.sample, prior).item())


# FactorVAE


def test_discriminator_has_the_papers_size() -> None:
    for networks, layers in (("disentanglement_lib", 6), ("infogan-cr", 5)):
        model = make(FactorVAE, width=1.0, latents=10, networks=networks)
        size = sum(p.numel() for p in model.discriminator.parameters())
        assert size == 11_000 + (layers - 1) * 1_001_000 + 2_002
    model = make(FactorVAE, discriminator_layers=2, networks="infogan-cr")
    assert [type(layer).__name__ for layer in model.discriminator] == ["Linear", "LeakyReLU"] * 2 + ["Linear"]


def test_every_latent_is_shuffled_by_an_order_of_its_own() -> None:
    orders = make(FactorVAE).draw(50, Rng(3))["orders"]
    assert orders.shape == (50, 3)
    assert all(sorted(column.tolist()) == list(range(50)) for column in orders.T)
    assert not torch.equal(orders[:, 0], orders[:, 1])


def test_factor_vae_terms_by_hand() -> None:
    model = make(FactorVAE, gamma=7.0)
    draws = draws_of(model)
    q = model.infer(batch(), draws["noise"])
    terms = model.elbo(batch(), draws)
    logits = model.discriminator(q.sample)
    assert terms["total_correlation"].item() == pytest.approx(7 * (logits[:, 0] - logits[:, 1]).mean().item(), rel=1e-5)
    assert terms["kl"] == q.kl()

    shuffled = torch.stack([q.sample[draws["orders"][:, k], k] for k in range(3)], dim=1)
    terms = model.discriminator_loss(batch(), draws)
    for name, latents, label in (("original", q.sample, 0), ("shuffled", shuffled, 1)):
        p = model.discriminator(latents).softmax(1)[:, label]
        assert terms[name].item() == pytest.approx(-0.5 * p.log().mean().item(), rel=1e-5)


def test_probabilities_are_clipped() -> None:
    from harness_vaes.factor_vae import surprise

    assert surprise(torch.tensor([0.0])).item() == pytest.approx(-math.log(1e-6), rel=1e-5)
    assert surprise(torch.tensor([1.0])).item() == pytest.approx(1e-6, rel=0.1)


def test_discriminator_optimizer() -> None:
    elbo, discriminator = make(FactorVAE).objectives()
    assert (elbo.optimizer.lr, elbo.optimizer.betas) == (1e-4, (0.9, 0.999))
    assert (discriminator.optimizer.lr, discriminator.optimizer.betas) == (1e-4, (0.5, 0.9))


@pytest.mark.parametrize(
    ("choice", "batches", "same_noise"), [("same", 1, True), ("noise", 1, False), ("fresh", 2, True)]
)
def test_what_the_discriminator_sees(stepper: Any, choice: str, batches: int, same_noise: bool) -> None:
    seen, model = [], make(FactorVAE, discriminator_batch=choice)
    draw = model.draw
    model.draw = lambda n, rng: seen.append(draw(n, rng)) or seen[-1]
    run = stepper(model, batch)
    run.step(0)
    assert run.log == ["elbo", "discriminator"]
    assert run.changed == {"elbo": {"encoder", "decoder"}, "discriminator": {"discriminator"}}
    assert len(seen) == batches
    for draws in seen:
        assert torch.equal(draws["discriminator_noise"], draws["noise"]) == same_noise
    if batches == 2:
        assert not torch.isin(seen[1]["noise"], seen[0]["noise"]).any()


def test_the_discriminators_own_noise_reaches_its_loss_alone() -> None:
    model = make(FactorVAE, discriminator_batch="noise")
    draws = draws_of(model)
    other = {**draws, "discriminator_noise": draws["noise"]}
    assert model.elbo(batch(), draws) == model.elbo(batch(), other)
    assert model.discriminator_loss(batch(), draws) != model.discriminator_loss(batch(), other)


# What descendants become without their terms


@pytest.mark.parametrize("networks", ["disentanglement_lib", "infogan-cr"])
@pytest.mark.parametrize(
    ("cls", "neutral"),
    [
        (FactorVAE, {"gamma": 0.0}),
        (BetaTCVAE, {"beta": 1.0}),
        (BetaVAE, {"beta": 1.0}),
        (AnnealedVAE, {"gamma": 1.0, "capacity": 0.0}),
        (DIPVAE1, {"off_diagonal_weight": 0.0}),
        (DIPVAE2, {"off_diagonal_weight": 0.0}),
    ],
)
def test_at_neutral_weights_it_is_the_vae(cls: type[VAE], neutral: dict[str, float], networks: str) -> None:
    """The same networks to begin with, the same loss and the same gradients."""
    plain, descendant = make(VAE, networks=networks), make(cls, networks=networks, **neutral)
    draws = draws_of(descendant)
    results = []
    for model in (plain, descendant):
        # Away from a divergence of 0, where rounding decides its sign.
        torch.nn.init.constant_(model.encoder.log_variance.bias, -1.0)
        terms = model.elbo(batch(), draws)
        shared = [*model.encoder.parameters(), *model.decoder.parameters()]
        total = torch.stack(list(terms.values())).sum()
        results.append([total, *torch.autograd.grad(total, shared)])
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)
