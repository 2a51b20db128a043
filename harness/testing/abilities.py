"""What a model that can encode, generate or the like must give."""

from collections.abc import Callable

import torch
from torch import Tensor

from harness.latents import LatentSpace
from harness.model import Model
from harness.rng import Rng
from harness.testing.check import CheckFailed, require, unmoved
from harness.testing.model_subject import BATCH, ModelSubject, take_steps
from harness.training.model_outputs import (
    checked_codes,
    checked_features,
    checked_images,
    checked_kl,
    checked_posterior,
)


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
    codes = checked_codes(model.encode(images), BATCH)
    _same_alone("encode", codes, model.encode(images[:2]))


def _generate(model: Model, images: Tensor) -> None:
    latents = _latents(model, "generate").draw(BATCH, Rng(4))
    made = _pictures(model, "generate", model.generate(latents))
    _same_alone("generate", made, model.generate(latents[:2]))


def _reconstruct(model: Model, images: Tensor) -> None:
    _pictures(model, "reconstruct", model.reconstruct(images))


def _posterior(model: Model, images: Tensor) -> None:
    space = _latents(model, "posterior")
    parts = space.split(space.draw(BATCH, Rng(4)))
    for name, inferred in checked_posterior(model.posterior(images)).items():
        require(name in parts, f"`posterior` names '{name}'; the parts of `latents` are {', '.join(parts)}")
        shape = tuple(inferred.log_prob(parts[name]).shape)
        require(
            shape == (BATCH,), f"log_prob of '{name}' is {shape}, not one number per image: use Independent(..., 1)"
        )


def _kl(model: Model, images: Tensor) -> None:
    kl = checked_kl(model.kl(images), BATCH)
    if model.can("encode"):
        codes = tuple(model.encode(images).shape)
        require(
            tuple(kl.shape) == codes, f"return a divergence for each of {codes} codes from `kl`, not {tuple(kl.shape)}"
        )
    require(bool((kl > -1e-5).all()), f"a divergence is negative ({kl.min().item():.3g}): check the formula in `kl`")


def _features(model: Model, images: Tensor) -> None:
    maps = checked_features(model.features(images), BATCH)
    _same_alone("features", maps[-1], model.features(images[:2])[-1])


ABILITY_CHECKS: dict[str, Callable[[Model, Tensor], None]] = {
    "encode": _encode,
    "generate": _generate,
    "reconstruct": _reconstruct,
    "posterior": _posterior,
    "kl": _kl,
    "features": _features,
}


def _latents(model: Model, ability: str) -> LatentSpace:
    """The prior, whose parts `generate` is fed and `posterior` names."""
    if not isinstance(model.latents, LatentSpace):
        raise CheckFailed(
            f"set `self.latents`, a LatentSpace such as LatentSpace({{'codes': Normal(10)}}), for `{ability}`; "
            f"it is of {type(model.latents).__name__}"
        )
    return model.latents


def _pictures(model: Model, ability: str, found: object) -> Tensor:
    """The images that an ability gives, which must be of the right size and range."""
    made = checked_images(ability, found, BATCH, model.image)
    low, high = made.min().item(), made.max().item()
    require(
        low >= 0 and high <= 1,
        f"return images in [0, 1] from `{ability}`, not [{low:.3g}, {high:.3g}]: clamp or rescale",
    )
    return made


def _same_alone(ability: str, together: Tensor, alone: Tensor) -> None:
    require(
        torch.allclose(together[: len(alone)], alone, rtol=1e-3, atol=1e-4),
        f"`{ability}` gives an image another result in another batch: use running averages in inference mode",
    )


ABILITY_MODEL_CHECKS = (abilities_have_the_right_shape, represents_an_image_by_its_own_noise)
