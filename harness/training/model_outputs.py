"""What a model's own methods return, refused with one sentence where it is something else than their contract says."""

from collections.abc import Mapping
from numbers import Real

from torch import Tensor
from torch.distributions import Distribution

from harness.errors import ContractError
from harness.model import ImageSpec, Model
from harness.objective import Draws
from harness.rng import Rng


def draws_of(model: Model, n: int, rng: Rng) -> Draws:
    """The random numbers of a step for n images.

    Raises:
        ContractError: `draw` returns something else than tensors by name.
    """
    found = model.draw(n, rng)
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise _wrong("draw", found, "a dict of tensors, such as {'noise': rng.normal(n, 10)}")
    return found


def schedule_of(model: Model, step: int) -> Mapping[str, float]:
    """The scheduled numbers of a step.

    Raises:
        ContractError: `schedule` returns something else than numbers by name.
    """
    found = model.schedule(step)
    if not isinstance(found, Mapping) or not all(isinstance(value, Real) for value in found.values()):
        raise _wrong("schedule", found, "a dict of numbers, such as {'weight': 0.5}")
    return found


def checked_codes(found: object, images: int) -> Tensor:
    """What `encode` gives for so many images.

    Raises:
        ContractError: it is not (N, D) real numbers.
    """
    if not isinstance(found, Tensor) or found.shape[:-1] != (images,) or found.is_complex():
        raise _wrong("encode", found, "a row of real codes for each image, (N, D)")
    return found


def checked_images(method: str, found: object, images: int, image: ImageSpec) -> Tensor:
    """What `generate` or `reconstruct` gives for so many images.

    Raises:
        ContractError: it is not (N, C, H, W), of the size that the model is trained on.
    """
    expected = (images, image.channels, image.height, image.width)
    if not isinstance(found, Tensor) or found.shape != expected:
        raise _wrong(method, found, f"{expected} images")
    return found


def checked_kl(found: object, images: int) -> Tensor:
    """What `kl` gives for so many images.

    Raises:
        ContractError: it is not (N, D) numbers.
    """
    if not isinstance(found, Tensor) or found.dim() != 2 or len(found) != images:
        raise _wrong("kl", found, "a divergence for each image and code, (N, D)")
    return found


def checked_features(found: object, images: int) -> list[Tensor]:
    """What `features` gives for so many images.

    Raises:
        ContractError: it is no list of (N, channels, height, width) maps.
    """
    if (
        not isinstance(found, list | tuple)
        or not found
        or not all(isinstance(maps, Tensor) and maps.dim() == 4 and len(maps) == images for maps in found)
    ):
        raise _wrong("features", found, "a list of (N, channels, height, width) maps")
    return list(found)


def checked_posterior(found: object) -> dict[str, Distribution]:
    """What `posterior` gives.

    Raises:
        ContractError: it is no dict of distributions.
    """
    if not isinstance(found, Mapping) or not all(callable(getattr(each, "log_prob", None)) for each in found.values()):
        expected = "a distribution for each part of `latents`, such as {'codes': Independent(Normal(mean, std), 1)}"
        raise _wrong("posterior", found, expected)
    return dict(found)


def _wrong(method: str, found: object, expected: str) -> ContractError:
    return ContractError(f"the model's `{method}` gives {_in_words(found)}, not {expected}")


def _in_words(found: object) -> str:
    """The kind of a value, with the shape of a tensor and the kinds of what a container holds."""
    if isinstance(found, Tensor):
        return f"{found.dtype} {tuple(found.shape)}"
    kind = type(found).__name__
    if isinstance(found, Mapping | list | tuple) and found:
        held = found.values() if isinstance(found, Mapping) else found
        return f"{kind} of {', '.join(dict.fromkeys(type(each).__name__ for each in held))}"
    return kind
