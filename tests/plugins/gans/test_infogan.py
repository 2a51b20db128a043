"""InfoGAN."""

import math
from typing import Any

import pytest
import torch
from images import batch, size
from torch import Tensor, nn

from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.model import build, overridden
from harness_gans.infogan import InfoGAN

SMALL = ImageSpec(1, 8, 8)

NETWORKS = pytest.mark.parametrize(
    ("networks", "image"),
    [("mnist", SMALL), ("faces", SMALL), ("svhn", ImageSpec(3, 16, 16)), ("chairs", ImageSpec(1, 16, 16))],
)


def make(image: ImageSpec = SMALL, **config: Any) -> InfoGAN:
    return build(InfoGAN, parse(InfoGAN.Config, {"width": 0.1, **config}, ""), image, Rng(0)).train()


def inputs(model: InfoGAN, n: int = 6) -> tuple[Tensor, dict[str, Tensor]]:
    return batch(model.image, n), model.draw(n, Rng(1))


def test_the_papers_networks_have_its_sizes() -> None:
    model = make(ImageSpec(1, 28, 28), width=1.0)
    # FC 74-1024, BN; FC 1024-6272, BN; deconv 128-64, BN; 64-1.
    assert size(model.generator) == 75_776 + 2_048 + 6_422_528 + 12_544 + 131_072 + 128 + 1_025
    # conv 1-64; 64-128, BN; FC 6272-1024, BN.
    assert size(model.discriminator.trunk) == 1_088 + 131_072 + 256 + 6_422_528 + 2_048
    assert size(model.discriminator.judge) == 1_025
    # FC 1024-128, BN; FC 128-14: 10 logits, 2 means, 2 variances.
    assert size(model.discriminator.q) == 131_072 + 256 + 1_806
    fixed = make(ImageSpec(1, 28, 28), width=1.0, std="fixed")
    assert size(fixed.discriminator.q) == 131_072 + 256 + 128 * 12 + 12


@pytest.mark.parametrize("image", [SMALL, ImageSpec(1, 28, 28), ImageSpec(3, 32, 32), ImageSpec(1, 16, 24)], ids=str)
@pytest.mark.parametrize("std", ["learned", "fixed"])
def test_shapes_and_abilities(image: ImageSpec, std: str) -> None:
    model = make(image, categorical=[4, 3], continuous=2, noise=5, std=std).eval()
    images = batch(image)
    latents = model.latents.draw(6, Rng(0))
    assert latents.shape == (6, 14)
    generated = model.generate(latents)
    assert generated.shape == images.shape
    assert 0 <= generated.min() <= generated.max() <= 1
    codes = model.encode(images)
    assert codes.shape == (6, 9)
    assert torch.allclose(codes[:, :4].sum(1), torch.ones(6))
    assert torch.allclose(codes[:, 4:7].sum(1), torch.ones(6))
    posterior = model.posterior(images)
    parts = model.latents.split(latents)
    assert list(posterior) == ["categorical_1", "categorical_2", "continuous"]
    assert all(posterior[name].log_prob(parts[name]).shape == (6,) for name in posterior)
    assert torch.allclose(posterior["categorical_2"].mean, codes[:, 4:7])
    assert torch.equal(posterior["continuous"].mean, codes[:, 7:])
    assert (posterior["continuous"].stddev == 1).all() == (std == "fixed")
    can = set(overridden(InfoGAN)) - {"features"}
    assert can == {"encode", "generate", "posterior"}


@pytest.mark.parametrize(
    ("config", "words"),
    [({"categorical": [], "continuous": 0}, "at least one"), ({"categorical": [1]}, "at least 2 categories")],
)
def test_codes_that_make_no_sense_are_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        make(**config)


def test_any_kind_of_code_may_be_absent() -> None:
    for config, terms in [
        ({"categorical": []}, {"continuous"}),
        ({"continuous": 0, "noise": 0}, {"categorical_1"}),
        ({"categorical": [2, 3]}, {"categorical_1", "categorical_2", "continuous"}),
    ]:
        model = make(**config)
        assert set(model.generator_loss(*inputs(model))) == {"adversarial", *terms}
        assert set(model.discriminator_loss(*inputs(model))) == {"real", "fake", *terms}
        assert set(model.posterior(batch(SMALL))) == terms


def test_initial_parameters() -> None:
    model = make(ImageSpec(1, 28, 28), width=0.5)
    gains = torch.cat([m.weight for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)])
    assert gains.mean().item() == pytest.approx(1, abs=1e-3)
    assert gains.std().item() == pytest.approx(0.02, rel=0.1)
    assert model.generator[0].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.discriminator.trunk[2].weight.abs().max().item() <= 0.04
    assert not any(p.any() for name, p in model.named_parameters() if name.endswith("bias"))


def test_leaks() -> None:
    trunk = make(leak=0.01).discriminator.trunk
    assert {layer.negative_slope for layer in trunk if isinstance(layer, nn.LeakyReLU)} == {0.01}


@NETWORKS
@pytest.mark.parametrize("std", ["learned", "fixed"])
def test_terms_by_hand(std: str, networks: str, image: ImageSpec) -> None:
    weights = {"categorical_weight": 0.7, "continuous_weight": 0.2}
    model = make(image, networks=networks, categorical=[3], continuous=2, noise=4, std=std, **weights)
    images, draws = inputs(model)
    terms = model.discriminator_loss(images, draws)
    real, _ = model.discriminator(images)
    fake, parameters = model.discriminator(model.generator(draws["latents"]))
    assert terms["real"].item() == pytest.approx(-(real.sigmoid() + 1e-8).log().mean().item(), rel=1e-5)
    assert terms["fake"].item() == pytest.approx(-(1 - fake.sigmoid() + 1e-8).log().mean().item(), rel=1e-5)

    category, continuous = draws["latents"][:, :3], draws["latents"][:, 3:5]
    log_q = (category * parameters[:, :3].softmax(1).log()).sum(1)
    # log q and ln 3 nearly cancel, which leaves the rounding of numbers of size 1 in float32.
    assert terms["categorical_1"].item() == pytest.approx(
        -0.7 * (log_q.mean().item() + math.log(3)), rel=1e-4, abs=1e-6
    )
    assert parameters.shape[1] == (7 if std == "learned" else 5)
    variance = parameters[:, 5:].exp() if std == "learned" else torch.ones(6, 2)
    log_q = (-((continuous - parameters[:, 3:5]) ** 2) / (2 * variance) - 0.5 * (2 * math.pi * variance).log()).sum(1)
    assert terms["continuous"].item() == pytest.approx(-0.2 * (log_q.mean().item() + 2 * math.log(2)), rel=1e-4)

    generator_terms = model.generator_loss(images, draws)
    assert generator_terms["adversarial"].item() == pytest.approx(
        -(fake.sigmoid() + 1e-8).log().mean().item(), rel=1e-5
    )
    for name in ("categorical_1", "continuous"):
        assert generator_terms[name].item() == pytest.approx(terms[name].item(), rel=1e-5)


def test_a_perfect_guess_gains_the_entropy() -> None:
    model = make(categorical=[10], continuous=0)
    draws = model.draw(6, Rng(0))
    gain = model.information(100 * draws["latents"][:, :10], draws)["categorical_1"]
    assert gain.item() == pytest.approx(-math.log(10), abs=1e-4)


@NETWORKS
def test_updates_alternate_with_fresh_noise_and_change_only_their_networks(
    stepper: Any, networks: str, image: ImageSpec
) -> None:
    seen = []
    model = make(image, networks=networks)
    draw = model.draw
    model.draw = lambda n, rng: seen.append(draw(n, rng)) or seen[-1]  # type: ignore[method-assign,func-returns-value]
    run = stepper(model, lambda: batch(image))
    run.step(0)
    assert run.log == ["discriminator", "generator"]
    assert run.changed == {"discriminator": {"discriminator"}, "generator": {"generator"}}
    assert len(seen) == 2
    assert not torch.equal(seen[0]["latents"], seen[1]["latents"])
    discriminator, generator = model.objectives()
    assert (discriminator.optimizer.lr, generator.optimizer.lr) == (2e-4, 1e-3)
    assert discriminator.optimizer.betas == generator.optimizer.betas == (0.5, 0.999)


@NETWORKS
def test_every_parameter_is_reached_by_its_objective_alone(networks: str, image: ImageSpec) -> None:
    model = make(image, networks=networks)
    discriminator, generator = model.objectives()
    for objective, others in ((discriminator, generator.parameters()), (generator, [])):
        total = torch.stack(list(objective.loss_at(0)(*inputs(model)).values())).sum()
        parameters = objective.parameters()
        gradients = torch.autograd.grad(total, [*parameters, *others], allow_unused=True)
        own, stray = gradients[: len(parameters)], gradients[len(parameters) :]
        assert all(gradient is not None and gradient.any() for gradient in own)
        assert not any(gradient is not None for gradient in stray)  # G's images are given to D without a gradient


def test_learning_rates_and_weights_are_separate() -> None:
    """As the paper's table for chairs has them."""
    model = make(
        categorical=[3],
        continuous=1,
        generator_learning_rate=3e-3,
        discriminator_learning_rate=4e-4,
        categorical_weight=1.0,
        continuous_weight=10.0,
    )
    discriminator, generator = model.objectives()
    assert (discriminator.optimizer.lr, generator.optimizer.lr) == (4e-4, 3e-3)
    images, draws = inputs(model)
    terms, plain = (m.generator_loss(images, draws) for m in (model, make(categorical=[3], continuous=1)))
    assert terms["continuous"].item() == pytest.approx(10 * plain["continuous"].item(), rel=1e-5)
    assert terms["categorical_1"].item() == plain["categorical_1"].item()


def test_where_q_is_a_probe_the_generator_is_that_of_a_gan() -> None:
    watched, model = make(probe=True), make()
    given = inputs(model)
    watched.load_state_dict(model.state_dict())
    assert watched.discriminator_loss(*given) == model.discriminator_loss(*given)
    assert watched.generator_loss(*given) == {"adversarial": model.generator_loss(*given)["adversarial"]}


def test_losses_are_pure() -> None:
    model = make()
    given = inputs(model)
    state = torch.get_rng_state()
    for loss in (model.discriminator_loss, model.generator_loss):
        assert loss(*given) == loss(*given)
    assert torch.equal(state, torch.get_rng_state())
