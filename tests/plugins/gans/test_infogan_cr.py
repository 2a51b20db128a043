"""InfoGAN (modified) and InfoGAN-CR."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from images import batch
from torch import Tensor, nn

from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.model import build, initialise, overridden
from harness.training.engines.eager import EagerStepper
from harness_gans.infogan_cr import InfoGANCR
from harness_gans.infogan_modified import InfoGANModified

SMALL = ImageSpec(1, 32, 32)
CELEBA = ImageSpec(3, 32, 32)

NETWORKS = pytest.mark.parametrize(
    ("networks", "image"), [("dsprites", SMALL), ("teapots", SMALL), ("celeba", ImageSpec(3, 16, 16))]
)


def make(cls: type[InfoGANModified] = InfoGANCR, image: ImageSpec = SMALL, **config: Any) -> Any:
    return build(cls, parse(cls.Config, {"width": 0.1, **config}, ""), image, Rng(0)).train()


def inputs(model: InfoGANModified, step: int = 0, n: int = 6) -> tuple[Tensor, dict[str, Tensor]]:
    schedule = {name: torch.tensor(value) for name, value in model.schedule(step).items()}
    return batch(model.image, n), {**model.draw(n, Rng(1)), **schedule}


@pytest.mark.parametrize(
    ("networks", "image"),
    [
        ("dsprites", SMALL),
        ("teapots", ImageSpec(3, 64, 64)),
        ("dsprites", ImageSpec(2, 128, 128)),
        ("celeba", CELEBA),
        ("celeba", ImageSpec(1, 48, 16)),
    ],
)
def test_shapes_and_abilities(networks: str, image: ImageSpec) -> None:
    model = make(image=image, networks=networks, codes=3, noise=2).eval()
    images = batch(image)
    latents = model.latents.draw(6, Rng(0))
    assert latents.shape == (6, 5)
    assert model.latents.code_columns == [range(1), range(1, 2), range(2, 3)]
    generated = model.generate(latents)
    assert generated.shape == images.shape
    assert 0 <= generated.min() <= generated.max() <= 1
    codes = model.encode(images)
    assert codes.shape == (6, 3)
    posterior = model.posterior(images)["codes"]
    assert torch.equal(posterior.mean, codes)
    assert torch.allclose(posterior.log_prob(codes), torch.full((6,), -1.5 * math.log(2 * math.pi)))
    assert set(overridden(type(model))) - {"features"} == {"encode", "generate", "posterior"}


@pytest.mark.parametrize("image", [ImageSpec(1, 28, 28), ImageSpec(1, 64, 32), ImageSpec(1, 8, 8)], ids=str)
def test_other_sizes_are_refused_with_words(image: ImageSpec) -> None:
    with pytest.raises(UserError, match=f"InfoGANCR .* dsprites cannot take {image} images.*16, 32, 64"):
        make(image=image)


@pytest.mark.parametrize("image", [ImageSpec(3, 28, 28), ImageSpec(3, 32, 40)], ids=str)
def test_other_sizes_are_refused_by_celebas_networks(image: ImageSpec) -> None:
    with pytest.raises(UserError, match=f"InfoGANModified .* celeba cannot take {image} images.* 16 divides"):
        make(InfoGANModified, image, networks="celeba")


def test_no_unregularised_noise_is_possible() -> None:
    model = make(noise=0)
    assert model.latents.width == 5
    assert model.contrastive_generator_loss(*inputs(model))["contrast"].isfinite()


def test_initial_parameters() -> None:
    model = make(width=1.0)
    weights = {name: p for name, p in model.named_parameters() if name.endswith("weight") and p.dim() > 1}
    for name, weight in weights.items():
        if weight.numel() > 1000:
            truncated = weight.dim() == 4 and not name.startswith("generator")
            assert weight.std().item() == pytest.approx(0.02 * (0.8796 if truncated else 1), rel=0.1), name
            assert bool(weight.abs().max() <= 0.04) == truncated, name
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            assert bool((layer.weight == 1).all())
    assert not any(p.any() for name, p in model.named_parameters() if name.endswith("bias"))


# Losses


@NETWORKS
def test_discriminator_terms_by_hand(networks: str, image: ImageSpec) -> None:
    model = make(InfoGANModified, image, networks=networks, information_weight=0.3)
    images, draws = inputs(model)
    terms = model.discriminator_loss(images, draws)
    fakes = model.generator(draws["latents"])
    real, _ = model.discriminator(images)
    fake, means = model.discriminator(fakes)
    assert terms["real"].item() == pytest.approx(-(real.sigmoid() + 1e-8).log().mean().item(), rel=1e-5)
    assert terms["fake"].item() == pytest.approx(-(1 - fake.sigmoid() + 1e-8).log().mean().item(), rel=1e-5)
    codes = draws["latents"][:, :5]
    log_q = (-((codes - means) ** 2) / 2 - 0.5 * math.log(2 * math.pi)).sum(1)
    assert terms["information"].item() == pytest.approx(-0.3 * log_q.mean().item(), rel=1e-5)


@NETWORKS
def test_generator_terms_by_hand(networks: str, image: ImageSpec) -> None:
    model = make(InfoGANModified, image, networks=networks, information_weight=0.3)
    images, draws = inputs(model)
    terms = model.generator_loss(images, draws)
    logits, means = model.discriminator(model.generator(draws["latents"]))
    assert terms["adversarial"].item() == pytest.approx(-(logits.sigmoid() + 1e-8).log().mean().item(), rel=1e-5)
    squares = ((draws["latents"][:, :5] - means) ** 2).sum(1).mean().item()
    assert terms["information"].item() == pytest.approx(0.3 * (squares / 2 + 2.5 * math.log(2 * math.pi)), rel=1e-5)


@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_a_lost_game_costs_what_the_small_number_in_the_logarithm_allows(logit: float) -> None:
    from harness_gans.adversarial import called_fake, called_real

    cost = (called_real if logit < 0 else called_fake)(torch.tensor([logit]))
    assert cost.item() == pytest.approx(-math.log(1e-8), rel=1e-4)


@NETWORKS
def test_contrastive_terms_by_hand(networks: str, image: ImageSpec) -> None:
    model = make(image=image, networks=networks, contrastive_weight=3.0)
    images, draws = inputs(model)
    terms = model.contrastive_generator_loss(images, draws)
    first, second = draws["pair_codes"].clone().unbind(1)
    rows = torch.arange(6)
    second[rows, draws["shared"]] = first[rows, draws["shared"]]
    halves = [model.generator(torch.cat([half, draws["pair_noise"]], 1)) for half in (first, second)]
    log_p = model.contrast(torch.cat(halves, 1)).log_softmax(1)
    by_hand = -log_p[rows, draws["shared"]].mean().item()
    assert terms["contrast"].item() == pytest.approx(3 * by_hand, rel=1e-5)
    assert model.contrast_loss(images, draws)["cross_entropy"].item() == pytest.approx(by_hand, rel=1e-5)
    assert {name: terms[name].item() for name in ("adversarial", "information")} == {
        name: value.item() for name, value in model.generator_loss(images, draws).items()
    }
    assert by_hand == pytest.approx(math.log(5), abs=0.2)  # chance


def test_early_pairs_come_from_the_generator_in_inference_mode() -> None:
    model = make()
    images, draws = inputs(model)
    averages = {name: buffer.clone() for name, buffer in model.generator.named_buffers()}
    early = model.early_contrast_loss(images, draws)["cross_entropy"]
    assert all(torch.equal(buffer, averages[name]) for name, buffer in model.generator.named_buffers())
    assert model.generator.training
    model.generator.eval()
    assert early.item() == pytest.approx(model.contrast_loss(images, draws)["cross_entropy"].item(), rel=1e-5)
    model.generator.train()
    model.contrast_loss(images, draws)
    assert not all(torch.equal(buffer, averages[name]) for name, buffer in model.generator.named_buffers())


def test_losses_are_pure() -> None:
    model = make()
    given = inputs(model)
    state = torch.get_rng_state()
    for loss in (
        model.discriminator_loss,
        model.generator_loss,
        model.early_contrast_loss,
        model.contrast_loss,
        model.contrastive_generator_loss,
    ):
        before = {name: value.clone() for name, value in given[1].items()}
        assert loss(*given) == loss(*given)
        assert all(torch.equal(before[name], value) for name, value in given[1].items())
    assert torch.equal(state, torch.get_rng_state())


# Training


@NETWORKS
def test_updates_come_in_the_authors_order_and_change_only_their_networks(
    stepper: Any, networks: str, image: ImageSpec
) -> None:
    run = stepper(make(image=image, networks=networks, contrastive_start=1), lambda: batch(image))
    before, after = run.step(0), run.step(1)
    assert run.log == ["contrast", "discriminator", "generator", "generator"] * 2
    assert run.changed == {name: {name} for name in ("contrast", "discriminator", "generator")}
    assert "generator/contrast" not in before
    assert "generator/contrast" in after
    optimizers = {o.name: o.optimizer for o in run.model.objectives()}
    assert {name: o.lr for name, o in optimizers.items()} == {
        "contrast": 2e-3,
        "discriminator": 2e-3,
        "generator": 1e-3,
    }
    assert all(o.betas == (0.5, 0.999) and o.eps == 1e-8 for o in optimizers.values())
    assert not any(o.fresh for o in run.model.objectives())


def test_modified_updates_the_discriminator_and_then_the_generator_twice(stepper: Any) -> None:
    run = stepper(make(InfoGANModified), partial(batch, SMALL))
    run.step(0)
    assert run.log == ["discriminator", "generator", "generator"]


def shared_state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in model.state_dict().items() if not name.startswith("contrast.")}


@pytest.mark.parametrize(
    "config",
    [{"contrastive_weight": 0.0, "contrastive_start": 1}, {"contrastive_weight": 0.0, "contrastive_early": False}, {}],
    ids=["weight 0", "weight 0 without CRD", "before the start"],
)
@NETWORKS
def test_without_its_term_infogan_cr_is_infogan_modified(
    stepper: Any, networks: str, image: ImageSpec, config: dict[str, Any]
) -> None:
    models = make(InfoGANModified, image, networks=networks), make(InfoGANCR, image, networks=networks, **config)
    modified, contrastive = (stepper(model, lambda: batch(image)) for model in models)
    for step in range(4):
        expected, losses = modified.step(step), contrastive.step(step)
        assert {name: value for name, value in losses.items() if not name.startswith("contrast/")} == expected
    state, expected_state = shared_state(contrastive.model), shared_state(modified.model)
    assert state.keys() == expected_state.keys()
    assert all(torch.equal(value, expected_state[name]) for name, value in state.items())


def test_an_early_contrastive_discriminator_changes_nothing_else_before_the_start(stepper: Any) -> None:
    early, late = (
        stepper(make(contrastive_start=3, contrastive_early=flag), partial(batch, SMALL)) for flag in (True, False)
    )
    for step in range(3):
        early.step(step)
        late.step(step)
    assert "contrast" in early.log
    assert "contrast" not in late.log
    states = shared_state(early.model), shared_state(late.model)
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    late.step(3)
    assert late.log[-4:] == ["contrast", "discriminator", "generator", "generator"]


def test_resets_and_gaps_follow_the_schedule() -> None:
    teapots = make(
        contrastive_start=50, gap=1.9, gap_changes=[{"step": 85, "gap": 0.0}, {"step": 70, "gap": 1.0}], codes=5
    )
    assert [teapots.schedule(step)["gap"] for step in (0, 69, 70, 84, 85, 1000)] == [1.9, 1.9, 1.0, 1.0, 0.0, 0.0]
    contrast, _, generator = teapots.objectives()
    assert sorted(contrast.reset_at) == [50, 70, 85]
    assert generator.loss_at(49) == teapots.generator_loss
    assert generator.loss_at(50) == teapots.contrastive_generator_loss
    assert contrast.loss_at(49) == teapots.early_contrast_loss
    assert contrast.loss_at(50) == teapots.contrast_loss
    assert make(contrastive_start=0).objectives()[2].loss_at(0).__name__ == "contrastive_generator_loss"


@NETWORKS
def test_every_parameter_is_reached_by_its_objective_alone(networks: str, image: ImageSpec) -> None:
    model = make(image=image, networks=networks, contrastive_start=0)
    for objective in model.objectives():
        total = torch.stack(list(objective.loss_at(0)(*inputs(model)).values())).sum()
        gradients = torch.autograd.grad(total, objective.parameters(), allow_unused=True, retain_graph=True)
        assert all(gradient is not None and gradient.any() for gradient in gradients)
        if objective.name != "generator":  # the generator's images are given to the others without a gradient
            stray = torch.autograd.grad(total, list(model.generator.parameters()), allow_unused=True)
            assert all(gradient is None for gradient in stray)


@NETWORKS
def test_initialisation_leaves_buffers_alone(networks: str, image: ImageSpec) -> None:
    model = make(image=image, networks=networks)
    model.contrast_loss(*inputs(model))
    buffers = {name: buffer.clone() for name, buffer in model.contrast.named_buffers()}
    weights = [p.detach().clone() for p in model.contrast.parameters() if p.dim() > 1]
    assert buffers
    initialise(model, model.contrast, Rng(9))
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.contrast.named_buffers())
    fresh = [p for p in model.contrast.parameters() if p.dim() > 1]
    assert not any(torch.equal(*pair) for pair in zip(fresh, weights, strict=True))


class Images:
    """An endless stream of one batch."""

    taken = 0

    def __init__(self, image: ImageSpec) -> None:
        self.images = batch(image)

    def next_order(self) -> tuple[Tensor, dict[str, Tensor]]:
        return torch.arange(len(self.images)), {}

    def gather(self, indices: Tensor) -> Tensor:
        return self.images[indices]


@NETWORKS
def test_restarts_of_crd_spare_what_is_not_trained(networks: str, image: ImageSpec) -> None:
    """At the start and at a change of the gap; a step moves a parameter by at most the learning rate, 2e-3."""
    model = make(image=image, networks=networks, contrastive_start=2, gap=1.9, gap_changes=[{"step": 3, "gap": 0.0}])
    engine = EagerStepper(model, Images(image), draws=Rng(1), resets=Rng(2))  # type: ignore[arg-type]
    biases = [p for name, p in model.contrast.named_parameters() if name.endswith("bias")]
    layers = list(model.contrast.modules())
    gains = [layer.weight for layer in layers if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    counters = [layer.num_batches_tracked for layer in layers if hasattr(layer, "num_batches_tracked")]
    spectral = [layer for layer in layers if hasattr(layer, "u")]

    def furthest() -> float:
        return max(p.abs().max().item() for p in [*biases, *(gain - 1 for gain in gains)])

    for step in (0, 1):
        engine.step(step)
    assert furthest() > 2.5e-3
    assert engine.state()["optimizer/contrast/counts/0"] == 2
    for step, passes in ((2, 5), (3, 8)):  # of one update of CRD and two of the generator, after two early ones
        vectors = [layer.u.clone() for layer in spectral]
        engine.step(step)
        assert furthest() <= 2.001e-3
        assert engine.state()["optimizer/contrast/counts/0"] == 1
        assert all(count == passes for count in counters)
        for layer, u in zip(spectral, vectors, strict=True):
            matrix = layer.weight.flatten(1)
            following = matrix @ (u @ matrix)
            torch.testing.assert_close(layer.u, following / following.norm())
    assert {"dsprites": bool(spectral), "teapots": bool(counters), "celeba": bool(counters)}[networks]


def test_the_vectors_of_spectral_norm_advance_once_per_step() -> None:
    model = make()
    before = {name: buffer.clone() for name, buffer in model.named_buffers() if name.endswith(".u")}
    model.discriminator_loss(*inputs(model))
    assert all(torch.equal(dict(model.named_buffers())[name], value) for name, value in before.items())
    model.finish_step()
    assert not any(torch.equal(dict(model.named_buffers())[name], value) for name, value in before.items())


def test_one_code_cannot_be_contrasted() -> None:
    with pytest.raises(UserError, match="codes"):
        make(codes=1)
    assert make(InfoGANModified, codes=1).latents.width == 6
