"""beta-VAE and what every VAE shares."""

import math
from typing import Any

import pytest
import torch
from images import batch, size

from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.model import ABILITIES, build, overridden
from harness_vaes.beta_vae import BetaVAE
from harness_vaes.vae import VAE, Posterior

SMALL = ImageSpec(1, 16, 16)


def make(image: ImageSpec = SMALL, cls: type[VAE] = BetaVAE, **config: Any) -> VAE:
    return build(cls, parse(cls.Config, {"width": 0.1, **config}, ""), image, Rng(0))


def test_the_papers_networks_have_its_sizes() -> None:
    model = make(ImageSpec(1, 64, 64), width=1.0)
    # conv 4x4: 1-32, 32-32; conv 2x2: 32-64, 64-64; FC 1024-256; two heads 256-10.
    assert size(model.encoder) == 544 + 16_416 + 8_256 + 16_448 + 262_400 + 2 * 2_570
    # FC 10-256, 256-1024; deconv 4x4: 64-64, 64-32, 32-32, 32-1.
    assert size(model.decoder) == 2_816 + 263_168 + 65_600 + 32_800 + 16_416 + 513


def test_infogan_cr_networks_have_their_sizes() -> None:
    model = make(ImageSpec(1, 64, 64), width=1.0, networks="infogan-cr")
    # conv 4x4: 1-32, 32-32, 32-64, 64-64; FC 1024-128 without activation; two heads 128-10.
    assert size(model.encoder) == 544 + 16_416 + 32_832 + 65_600 + 131_200 + 2 * 1_290
    assert isinstance(model.encoder.trunk[-1], torch.nn.Linear)
    # FC 10-128, 128-1024; deconv 4x4: 64-64, 64-32, 32-32, 32-1.
    assert size(model.decoder) == 1_408 + 132_096 + 65_600 + 32_800 + 16_416 + 513
    kinds = [type(layer) for layer in (*model.encoder.trunk, *model.decoder)]
    assert kinds.count(torch.nn.ReLU) == 4 + 5


def test_infogan_cr_weights_are_normal() -> None:
    model = make(ImageSpec(1, 32, 32), width=1.0, networks="infogan-cr")
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif parameter.numel() > 10_000:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.03)
            assert parameter.abs().max() > 0.06  # not truncated


def test_32_pixels_leave_out_one_narrow_layer() -> None:
    model = make(ImageSpec(3, 32, 32), width=0.5)
    assert (
        size(model.encoder) == (3 * 16 * 16 + 16) + (16 * 32 * 4 + 32) + (32 * 32 * 4 + 32) + (512 * 128 + 128) + 2580
    )
    assert size(model.decoder) == (1408) + (128 * 512 + 512) + (32 * 32 * 16 + 32) + (32 * 16 * 16 + 16) + (16 * 48 + 3)


@pytest.mark.parametrize("image", [SMALL, ImageSpec(3, 32, 32), ImageSpec(1, 64, 64), ImageSpec(2, 128, 128)], ids=str)
@pytest.mark.parametrize("networks", ["disentanglement_lib", "infogan-cr"])
def test_shapes_and_abilities(image: ImageSpec, networks: str) -> None:
    model = make(image, latents=3, networks=networks)
    images = batch(image, 4)
    assert model.encode(images).shape == model.kl(images).shape == (4, 3)
    assert model.reconstruct(images).shape == images.shape
    generated = model.generate(model.latents.draw(4, Rng(0)))
    assert generated.shape == images.shape
    assert 0 <= generated.min() <= generated.max() <= 1
    assert model.posterior(images)["latents"].log_prob(torch.zeros(4, 3)).shape == (4,)
    assert set(ABILITIES) - set(overridden(BetaVAE)) == {"features"}


@pytest.mark.parametrize("image", [ImageSpec(1, 28, 28), ImageSpec(1, 64, 32), ImageSpec(1, 8, 8)], ids=str)
def test_other_sizes_are_refused_with_words(image: ImageSpec) -> None:
    with pytest.raises(UserError, match=f"BetaVAE cannot take {image} images.*16, 32, 64"):
        make(image)


def test_initial_weights_are_glorot_uniform() -> None:
    model = make(ImageSpec(1, 32, 32), width=1.0)
    for layer, fans in [(model.decoder[0], 266), (model.decoder[5], 16 * 128)]:
        bound = math.sqrt(6 / fans)
        assert 0.98 * bound < layer.weight.abs().max().item() <= bound
        assert not layer.bias.any()


def test_reconstruction_is_the_cross_entropy_summed_over_pixels() -> None:
    model = make(latents=2)
    images = batch(SMALL, 4)
    draws = model.draw(4, Rng(5))
    terms = model.elbo(images, draws)
    mean, log_variance = model.encoder(images)
    p = model.generate(mean + (log_variance / 2).exp() * draws["noise"])
    by_hand = -(images * p.log() + (1 - images) * (1 - p).log()).flatten(1).sum(1).mean()
    assert terms["reconstruction"].item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_kl_by_hand() -> None:
    """Two images with one latent: KL(N(1, 1)) = 1/2 and KL(N(0, 4)) = (4 - ln 4 - 1)/2."""
    q = Posterior(torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [math.log(4)]]), torch.zeros(2, 1))
    expected = (0.5 + (3 - math.log(4)) / 2) / 2
    assert q.kl().item() == pytest.approx(expected)
    assert make(beta=6.0).regulariser(q, {})["kl"].item() == pytest.approx(6 * expected)


def test_beta_one_is_the_plain_vae() -> None:
    plain, beta = make(cls=VAE), make(beta=1.0)
    assert beta.elbo(batch(SMALL, 4), beta.draw(4, Rng(1))) == plain.elbo(batch(SMALL, 4), plain.draw(4, Rng(1)))


def test_images_are_represented_by_means_or_by_samples() -> None:
    images, noise = batch(SMALL, 4), torch.tensor([[1.0, -2.0]] * 4)
    means, samples = make(latents=2), make(latents=2, representation="sample")
    assert means.code_noise == 0
    assert torch.equal(means.represent(images, torch.zeros(4, 0)), means.encode(images))
    assert samples.code_noise == 2
    posterior = samples.posterior(images)["latents"].base_dist
    expected = posterior.mean + posterior.stddev * noise
    torch.testing.assert_close(samples.represent(images, noise), expected)
    assert torch.equal(samples.encode(images), means.encode(images))
    assert torch.equal(samples.reconstruct(images), means.reconstruct(images))


def test_posterior_agrees_with_encode_and_kl() -> None:
    model = make(latents=3)
    images = batch(SMALL, 4)
    posterior = model.posterior(images)["latents"]
    assert torch.equal(posterior.mean, model.encode(images))
    prior = torch.distributions.Normal(0.0, 1.0)
    expected = torch.distributions.kl_divergence(torch.distributions.Normal(posterior.mean, posterior.stddev), prior)
    assert torch.allclose(model.kl(images), expected, atol=1e-6)
    assert torch.allclose(model.reconstruct(images), model.decoder(posterior.mean).sigmoid())


def test_one_adam_update_of_both_networks(stepper: Any) -> None:
    model = make(learning_rate=1e-3)
    run = stepper(model, lambda: batch(SMALL, 4))
    first = run.step(0)
    for step in range(1, 30):
        last = run.step(step)
    assert run.log == ["elbo"] * 30
    assert run.changed == {"elbo": {"encoder", "decoder"}}
    assert set(first) == {"elbo/reconstruction", "elbo/kl"}
    assert sum(last.values()) < sum(first.values())
    [objective] = model.objectives()
    assert (objective.optimizer.lr, objective.optimizer.betas) == (1e-3, (0.9, 0.999))


def test_losses_are_pure() -> None:
    model = make()
    images, draws = batch(SMALL, 4), model.draw(4, Rng(0))
    state = torch.get_rng_state()
    assert model.elbo(images, draws) == model.elbo(images, draws)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(draws["noise"], model.draw(4, Rng(0))["noise"])
