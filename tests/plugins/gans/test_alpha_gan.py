"""alpha-GAN and its Wasserstein variant."""

from functools import partial
from typing import Any

import pytest
import torch
from images import batch, size
from torch import Tensor, nn

from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.model import build, overridden
from harness.plugins.manager import PluginManager
from harness_gans.alpha_gan import AlphaGAN
from harness_gans.alpha_wgan_gp import AlphaWGANGP
from harness_gans.auto_encoding_gan import AutoEncodingGAN

SMALL = ImageSpec(1, 16, 16)
BOTH: dict[str, Any] = {"alpha-gan": AlphaGAN, "alpha-wgan-gp": AlphaWGANGP}


def make(cls: type[AutoEncodingGAN] = AlphaGAN, image: ImageSpec = SMALL, **config: Any) -> Any:
    return build(
        cls,
        parse(cls.Config, {"width": 0.05, "latents": 6, "code_discriminator_units": 20, **config}, ""),
        image,
        Rng(0),
    ).train()


def made(model: AutoEncodingGAN, draws: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Real images, codes, reconstructions and samples."""
    reals = 2 * batch(SMALL) - 1
    codes = model.encoder(reals).detach()
    reconstructions, samples = model.generator(torch.cat([codes, draws["latents"]])).detach().split(6)
    return reals, codes, reconstructions, samples


# Both


def test_the_networks_have_the_sizes_of_their_tables() -> None:
    with torch.device("meta"):
        model, wasserstein = (cls(cls.Config(), ImageSpec(3, 64, 64)) for cls in BOTH.values())
    # FC 128-16384, BN; deconv 5x5 1024-512, BN; 512-256, BN; 256-128, BN; 128-3 with bias.
    generator = 2_097_152 + 32_768 + 13_107_200 + 1_024 + 3_276_800 + 512 + 819_200 + 256 + 9_603
    assert size(model.generator) == generator
    # conv 3-128 with bias; 128-256, BN; 256-512, BN; 512-1024, BN.
    convolutions = 9_728 + 819_200 + 512 + 3_276_800 + 1_024 + 13_107_200 + 2_048
    assert size(model.encoder) == convolutions + 2_097_152 + 128  # FC 16384-128
    assert size(model.discriminator) == convolutions + 16_385
    # FC 128-750, 750-750, 750-1.
    assert size(model.code_discriminator) == 96_750 + 563_250 + 751
    assert size(wasserstein.discriminator) == 9_728 + 819_456 + 3_277_312 + 13_108_224 + 16_385
    for network in ("encoder", "generator", "code_discriminator"):
        assert size(getattr(wasserstein, network)) == size(getattr(model, network))


def test_activations_and_normalisation() -> None:
    kinds = (nn.ReLU, nn.LeakyReLU, nn.BatchNorm2d)
    for name, cls in BOTH.items():
        model = make(cls, ImageSpec(1, 32, 32))
        counts = {
            network: [sum(isinstance(layer, kind) for layer in getattr(model, network)) for kind in kinds]
            for network in ("encoder", "discriminator", "code_discriminator")
        }
        assert counts["encoder"] == [3, 0, 2]
        assert counts["discriminator"] == [0, 3, 2 if name == "alpha-gan" else 0]
        assert counts["code_discriminator"] == [0, 2, 0]
        assert not any(isinstance(layer, nn.BatchNorm1d) for layer in model.code_discriminator)


@pytest.mark.parametrize(("name", "cls"), BOTH.items())
@pytest.mark.parametrize("image", [SMALL, ImageSpec(3, 32, 32), ImageSpec(1, 64, 64)], ids=str)
def test_shapes_and_abilities(name: str, cls: type[AutoEncodingGAN], image: ImageSpec) -> None:
    model = make(cls, image).eval()
    images = batch(image)
    codes = model.encode(images)
    assert codes.shape == (6, 6)
    generated, again = model.generate(model.latents.draw(6, Rng(0))), model.reconstruct(images)
    assert generated.shape == again.shape == images.shape
    assert 0 <= min(generated.min(), again.min()) <= max(generated.max(), again.max()) <= 1
    assert torch.equal(again, model.generate(codes))
    assert overridden(cls) == ["encode", "generate", "reconstruct"]
    assert PluginManager().registry.find("models", name).load() is cls


@pytest.mark.parametrize("cls", BOTH.values())
@pytest.mark.parametrize("image", [ImageSpec(1, 28, 28), ImageSpec(1, 32, 64), ImageSpec(1, 8, 8)], ids=str)
def test_other_sizes_are_refused_with_words(cls: type[AutoEncodingGAN], image: ImageSpec) -> None:
    with pytest.raises(UserError, match=f"{cls.__name__} cannot take {image} images.*16, 32, 64"):
        make(cls, image)


@pytest.mark.parametrize("cls", BOTH.values())
def test_losses_are_pure(cls: type[AutoEncodingGAN]) -> None:
    model = make(cls)
    draws = model.draw(6, Rng(1))
    state = torch.get_rng_state()
    for objective in model.objectives():
        loss = objective.loss_at(0)
        assert loss(batch(SMALL), draws) == loss(batch(SMALL), draws)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("cls", BOTH.values())
def test_reconstruction_terms_by_hand(cls: type[AutoEncodingGAN]) -> None:
    model = make(cls, encoder_reconstruction_weight=3.0, generator_reconstruction_weight=0.5)
    draws = model.draw(6, Rng(1))
    reals, _, reconstructions, _ = made(model, draws)
    error = (reconstructions - reals).abs().sum().item() / (6 * 16 * 16)
    assert model.encoder_loss(batch(SMALL), draws)["reconstruction"].item() == pytest.approx(3 * error, rel=1e-5)
    assert model.generator_loss(batch(SMALL), draws)["reconstruction"].item() == pytest.approx(error / 2, rel=1e-5)


@pytest.mark.parametrize("cls", BOTH.values())
def test_the_reconstruction_error_trains_encoder_and_generator(cls: type[AutoEncodingGAN]) -> None:
    model = make(cls)
    draws = model.draw(6, Rng(1))
    for loss, network in ((model.encoder_loss, model.encoder), (model.generator_loss, model.generator)):
        gradients = torch.autograd.grad(loss(batch(SMALL), draws)["reconstruction"], list(network.parameters()))
        assert all(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("cls", BOTH.values())
def test_running_averages_are_those_that_reconstructions_are_trained_with(cls: type[AutoEncodingGAN]) -> None:
    """Even if codes are far from the prior, where averages over batches of either kind would suit neither."""
    model = make(cls, generator_reconstruction_weight=1.0)
    images, draws = batch(SMALL, n=64), model.draw(64, Rng(1))
    with torch.no_grad():
        model.encoder[-1].bias += 5
        model.generator[-2].weight *= 30
        for _ in range(100):
            trained = model.generator_loss(images, draws)["reconstruction"].item()
        model.eval()
        error = 2 * (model.reconstruct(images) - images).abs().mean().item()
    assert error == pytest.approx(trained, rel=0.01)


# alpha-GAN


def test_alpha_gan_terms_by_hand() -> None:
    model = make()
    draws = model.draw(6, Rng(1))
    reals, codes, reconstructions, samples = made(model, draws)
    real = model.discriminator(reals).sigmoid()
    rebuilt, sampled = model.discriminator(torch.cat([reconstructions, samples])).sigmoid().split(6)
    prior, encoded = (model.code_discriminator(x).sigmoid() for x in (draws["latents"], codes))

    terms = model.discriminator_loss(batch(SMALL), draws)
    assert set(terms) == {"real", "reconstructions", "samples"}
    assert terms["real"].item() == pytest.approx(-real.log().mean().item(), rel=1e-5)
    assert terms["reconstructions"].item() == pytest.approx(-(1 - rebuilt).log().mean().item(), rel=1e-5)
    assert terms["samples"].item() == pytest.approx(-(1 - sampled).log().mean().item(), rel=1e-5)

    terms = model.code_discriminator_loss(batch(SMALL), draws)
    assert set(terms) == {"prior", "codes"}
    assert terms["prior"].item() == pytest.approx(-prior.log().mean().item(), rel=1e-5)
    assert terms["codes"].item() == pytest.approx(-(1 - encoded).log().mean().item(), rel=1e-5)

    def deceived(probability: Tensor) -> float:
        return (-probability.log() + (1 - probability).log()).mean().item()

    terms = model.encoder_loss(batch(SMALL), draws)
    assert set(terms) == {"reconstruction", "codes"}
    assert terms["codes"].item() == pytest.approx(deceived(encoded), rel=1e-4, abs=1e-6)
    terms = model.generator_loss(batch(SMALL), draws)
    assert set(terms) == {"reconstruction", "reconstructions", "samples"}
    assert terms["reconstructions"].item() == pytest.approx(deceived(rebuilt), rel=1e-4, abs=1e-6)
    assert terms["samples"].item() == pytest.approx(deceived(sampled), rel=1e-4, abs=1e-6)


def test_forms_of_deceiving() -> None:
    logits = torch.tensor([[0.0], [2.0], [-4.0]])
    assert make().deceived(logits).item() == pytest.approx(2 / 3)
    # ln(1 + e^0), ln(1 + e^-2), ln(1 + e^4).
    assert make(form="non-saturating").deceived(logits).item() == pytest.approx((0.693147 + 0.126928 + 4.018150) / 3)


def test_alpha_gan_updates_each_network_by_itself_on_one_batch(stepper: Any) -> None:
    seen = []
    model = make()
    draw = model.draw
    model.draw = lambda n, rng: seen.append(n) or draw(n, rng)
    run = stepper(model, partial(batch, SMALL))
    run.step(0)
    assert run.log == ["encoder"] * 2 + ["generator"] * 2 + ["discriminator", "code_discriminator"]
    assert len(seen) == 1
    assert run.changed == {name: {name} for name in ("encoder", "generator", "discriminator", "code_discriminator")}
    assert all(o.optimizer.betas == (0.5, 0.9) and o.optimizer.lr == 2e-4 for o in model.objectives())


def test_numbers_of_updates_and_learning_rates_are_settings(stepper: Any) -> None:
    settings = {"encoder_updates": 1, "generator_updates": 3, "discriminator_updates": 2}
    rates = {"learning_rate": 0.01, "discriminator_learning_rate": 0.02, "beta1": 0.0}
    run = stepper(make(code_discriminator_updates=4, **settings, **rates), partial(batch, SMALL))
    run.step(0)
    updates = ["encoder"] + ["generator"] * 3 + ["discriminator"] * 2 + ["code_discriminator"] * 4
    assert run.log == updates
    assert [o.optimizer.lr for o in run.model.objectives()] == [0.01, 0.01, 0.02, 0.02]
    assert {o.optimizer.betas for o in run.model.objectives()} == {(0.0, 0.9)}


def test_alpha_gan_initial_parameters() -> None:
    model = make(width=0.5, latents=100, code_discriminator_units=375)
    assert model.encoder[2].weight.std().item() == pytest.approx(0.02, rel=0.05)
    gains = model.encoder[3].weight
    assert gains.mean().item() == pytest.approx(1, abs=0.01)
    assert 0.01 < gains.std().item() < 0.03
    # FC 100-375 of the code discriminator.
    assert model.code_discriminator[0].weight.std().item() == pytest.approx((2 / 475) ** 0.5, rel=0.05)
    assert not any(p.any() for name, p in model.named_parameters() if name.endswith("bias"))


# With Wasserstein critics


def test_wasserstein_terms_by_hand() -> None:
    model = make(AlphaWGANGP, penalty=3.0)
    draws = model.draw(6, Rng(1))
    reals, codes, reconstructions, samples = made(model, draws)
    scores = {
        name: model.discriminator(x).mean().item()
        for name, x in (("real", reals), ("reconstructions", reconstructions), ("samples", samples))
    }

    def penalty(critic: nn.Module, real: Tensor, fake: Tensor, mixture: Tensor) -> float:
        mixed = (real + mixture * (fake - real)).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed)
        return ((gradient.flatten(1).square().sum(1).sqrt() - 1) ** 2).mean().item()

    terms = model.discriminator_loss(batch(SMALL), draws)
    assert set(terms) == {"real", "reconstructions", "samples", "penalty"}
    assert terms["real"].item() == pytest.approx(-2 * scores["real"], rel=1e-4)
    assert terms["reconstructions"].item() == pytest.approx(scores["reconstructions"], rel=1e-4)
    assert terms["samples"].item() == pytest.approx(scores["samples"], rel=1e-4)
    expected = penalty(model.discriminator, reals, reconstructions, draws["reconstruction_mixture"])
    expected += penalty(model.discriminator, reals, samples, draws["sample_mixture"])
    assert terms["penalty"].item() == pytest.approx(3 * expected, rel=1e-5)

    terms = model.code_discriminator_loss(batch(SMALL), draws)
    assert set(terms) == {"prior", "codes", "penalty"}
    prior, encoded = (model.code_discriminator(x).mean().item() for x in (draws["latents"], codes))
    assert terms["prior"].item() == pytest.approx(-prior, rel=1e-4)
    assert terms["codes"].item() == pytest.approx(encoded, rel=1e-4)
    expected = penalty(model.code_discriminator, draws["latents"], codes, draws["code_mixture"])
    assert terms["penalty"].item() == pytest.approx(3 * expected, rel=1e-5)

    assert model.encoder_loss(batch(SMALL), draws)["codes"].item() == pytest.approx(-encoded, rel=1e-4)
    terms = model.generator_loss(batch(SMALL), draws)
    assert terms["reconstructions"].item() == pytest.approx(-scores["reconstructions"], rel=1e-4)
    assert terms["samples"].item() == pytest.approx(-scores["samples"], rel=1e-4)


def test_a_constant_gains_a_critic_nothing() -> None:
    model = make(AlphaWGANGP)
    draws = model.draw(6, Rng(1))
    for loss, critic in (
        (model.discriminator_loss, model.discriminator),
        (model.code_discriminator_loss, model.code_discriminator),
    ):
        before = sum(loss(batch(SMALL), draws).values())
        with torch.no_grad():
            critic[-1].bias += 3
        assert sum(loss(batch(SMALL), draws).values()).item() == pytest.approx(before.item(), rel=1e-5)


def test_critics_are_updated_five_times_with_fresh_batches(stepper: Any) -> None:
    seen = []
    model = make(AlphaWGANGP)
    draw = model.draw
    model.draw = lambda n, rng: seen.append(n) or draw(n, rng)
    run = stepper(model, partial(batch, SMALL))
    run.step(0)
    assert run.log == ["encoder", "generator"] + ["discriminator"] * 5 + ["code_discriminator"] * 5
    assert len(seen) == 11
    assert run.changed == {name: {name} for name in ("encoder", "generator", "discriminator", "code_discriminator")}
    assert all(o.optimizer.betas == (0.5, 0.9) and o.optimizer.lr == 1e-4 for o in model.objectives())
