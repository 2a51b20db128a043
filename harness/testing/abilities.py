"""What a model that can encode, generate or the like must give."""

from collections.abc import Callable

import torch
from torch import Tensor

from harness.model import Model
from harness.rng import Rng
from harness.testing.check import require, unmoved
from harness.testing.model_subject import BATCH, ModelSubject, take_steps


def abilities_have_the_right_shape(subject: ModelSubject) -> None:
    """What the model can do returns the shapes and ranges of the contract, image by image."""
    engine = subject.engine()
    take_steps(engine, 0, 1)
    model, images = engine.model.eval(), subject.inputs(engine.model)[0]
    with torch.no_grad():
        for ability, check in ABILITY_CHECKS.items():
            if model.can(ability):
                check(model, images)


def represents_an_image_by_its_own_noise(subject: ModelSubject) -> None:
    """`represent` gives an image the same codes again, and whatever the batch."""
    engine = subject.engine()
    take_steps(engine, 0, 1)
    model, images = engine.model.eval(), subject.inputs(engine.model)[0]
    if not model.can("encode"):
        return
    noise = Rng(4).normal(BATCH, model.code_noise)
    with torch.no_grad():
        expected = tuple(model.encode(images).shape)
        codes = unmoved(model.represent, images, noise)
        require(tuple(codes.shape) == expected, f"return {expected} codes from `represent`, not {tuple(codes.shape)}")
        require(
            torch.equal(codes, model.represent(images, noise)),
            "`represent` gives other codes the second time: let all that is random in them come from its noise",
        )
        _same_alone("represent", codes, model.represent(images[:2], noise[:2]))
        if model.code_noise:
            other = model.represent(images, noise + 1)
            require(not torch.equal(codes, other), "the codes do not depend on their noise: set `code_noise = 0`")


def _encode(model: Model, images: Tensor) -> None:
    codes = model.encode(images)
    require(codes.dim() == 2 and len(codes) == BATCH, f"return (N, D) codes from `encode`, not {tuple(codes.shape)}")
    _same_alone("encode", codes, model.encode(images[:2]))


def _generate(model: Model, images: Tensor) -> None:
    require(model.latents is not None, "set `self.latents`, the LatentSpace that `generate` is fed from")
    assert model.latents is not None
    latents = model.latents.draw(BATCH, Rng(4))
    made = model.generate(latents)
    _pictures("generate", made, images)
    _same_alone("generate", made, model.generate(latents[:2]))


def _reconstruct(model: Model, images: Tensor) -> None:
    _pictures("reconstruct", model.reconstruct(images), images)


def _posterior(model: Model, images: Tensor) -> None:
    require(model.latents is not None, "set `self.latents`: `posterior` names its parts")
    assert model.latents is not None
    parts = model.latents.split(model.latents.draw(BATCH, Rng(4)))
    for name, inferred in model.posterior(images).items():
        require(name in parts, f"`posterior` names '{name}'; the parts of `latents` are {', '.join(parts)}")
        shape = tuple(inferred.log_prob(parts[name]).shape)
        require(
            shape == (BATCH,), f"log_prob of '{name}' is {shape}, not one number per image: use Independent(..., 1)"
        )


def _kl(model: Model, images: Tensor) -> None:
    kl = model.kl(images)
    require(kl.dim() == 2 and len(kl) == BATCH, f"return (N, D) divergences from `kl`, not {tuple(kl.shape)}")
    if model.can("encode"):
        codes = tuple(model.encode(images).shape)
        require(
            tuple(kl.shape) == codes, f"return a divergence for each of {codes} codes from `kl`, not {tuple(kl.shape)}"
        )
    require(bool((kl > -1e-5).all()), f"a divergence is negative ({kl.min().item():.3g}): check the formula in `kl`")


def _features(model: Model, images: Tensor) -> None:
    maps = model.features(images)
    good = bool(maps) and all(each.dim() == 4 and len(each) == BATCH for each in maps)
    require(good, "return a list of (N, C, H, W) maps from `features`")
    _same_alone("features", maps[-1], model.features(images[:2])[-1])


ABILITY_CHECKS: dict[str, Callable[[Model, Tensor], None]] = {
    "encode": _encode,
    "generate": _generate,
    "reconstruct": _reconstruct,
    "posterior": _posterior,
    "kl": _kl,
    "features": _features,
}


def _pictures(ability: str, made: Tensor, images: Tensor) -> None:
    expected = tuple(images.shape)
    require(made.shape == images.shape, f"return {expected} images from `{ability}`, not {tuple(made.shape)}")
    low, high = made.min().item(), made.max().item()
    require(
        low >= 0 and high <= 1,
        f"return images in [0, 1] from `{ability}`, not [{low:.3g}, {high:.3g}]: clamp or rescale",
    )


def _same_alone(ability: str, together: Tensor, alone: Tensor) -> None:
    require(
        torch.allclose(together[: len(alone)], alone, rtol=1e-3, atol=1e-4),
        f"`{ability}` gives an image another result in another batch: use running averages in inference mode",
    )


ABILITY_MODEL_CHECKS = (abilities_have_the_right_shape, represents_an_image_by_its_own_noise)
