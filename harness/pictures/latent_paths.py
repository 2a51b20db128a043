"""Paths through a latent space: traversals, which vary one code, and interpolations between two points."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from harness.errors import NotApplicableError
from harness.latents import Categorical, LatentSpace, Normal, Part, Sphere, Uniform
from harness.rng import Rng

Range = tuple[float, float]
"""The lowest and the highest value of a code."""

NORMAL_REACH = 2.0
"""A traversal takes a standard normal code from -2 to 2, where 95 % of its values lie."""

QUANTILE_DRAWS = 1000
"""Values drawn from a part of a plugin's own kind, whose quantiles tell its range."""


@dataclass(frozen=True)
class Code:
    """One separately meaningful value of a latent space.

    Attributes:
        name: the name of its part, with its number there if the part has several.
        part: the part it belongs to.
        columns: its columns in a latent vector.
        siblings: the columns of the whole part.
    """

    name: str
    part: Part
    columns: range
    siblings: range


def codes_of(space: LatentSpace) -> list[Code]:
    """Every code of a latent space, in the order of its `code_columns`.

    >>> [code.name for code in codes_of(LatentSpace({"digit": Categorical(10), "style": Uniform(2)}))]
    ['digit', 'style 0', 'style 1']
    """
    columns = iter(space.code_columns)
    found, start = [], 0
    for name, part in space.parts.items():
        siblings = range(start, start + part.width)
        start += part.width
        for number in range(part.codes if name in space.codes else 0):
            label = name if part.codes == 1 else f"{name} {number}"
            found.append(Code(label, part, next(columns), siblings))
    return found


def default_range(part: Part) -> Range:
    """From where to where a traversal takes a code of a part whose codes are numbers.

    A uniform code goes from end to end, a normal one from -2 to 2, and a coordinate of a sphere over two
    standard deviations to each side. A code of another kind goes over the middle 95 % of the values that
    its part draws.
    """
    if isinstance(part, Uniform):
        return part.low, part.high
    if isinstance(part, Normal):
        return -NORMAL_REACH, NORMAL_REACH
    if isinstance(part, Sphere):
        # The squares of a point's coordinates sum to 1, so each has variance 1 / size.
        high = min(1.0, 2 / part.size**0.5)
        return -high, high
    # A generator of its own, so that a code has the same steps in every picture.
    drawn = part.draw(QUANTILE_DRAWS, Rng.of("step values"))
    low, high = drawn.quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def step_values(part: Part, steps: int, bounds: Range | None = None) -> Tensor:
    """The values that a traversal gives to one code of a part, ascending, (steps, columns of the code).

    They lie at equal distances from one of the bounds to the other, by default over the `default_range`.
    A categorical code takes each of its categories once, whatever the number of steps and the bounds.

    Raises:
        NotApplicableError: a coordinate of a point on the unit sphere cannot be outside [-1, 1].
    """
    if isinstance(part, Categorical):
        return torch.eye(part.size)
    low, high = bounds or default_range(part)
    if isinstance(part, Sphere) and max(abs(low), abs(high)) > 1:
        raise NotApplicableError(f"its codes lie on a sphere of radius 1, and none can go from {low:g} to {high:g}")
    return torch.linspace(low, high, steps)[:, None]


def step_labels(part: Part, steps: int, bounds: Range | None = None) -> list[str]:
    """Labels of the values of `step_values`: numbers with two decimals, or the category's number."""
    if isinstance(part, Categorical):
        return [str(category) for category in range(part.size)]
    return [f"{value:.2f}" for value in step_values(part, steps, bounds).flatten().tolist()]


def traversal(code: Code, others: Tensor, steps: int, bounds: Range | None = None) -> Tensor:
    """Vary one code from low to high in each of the latents `others` (n, Z), which are kept otherwise: (steps, n, Z).

    On a sphere the other coordinates shrink or grow so that the point stays on it.

    Raises:
        NotApplicableError: see `step_values`.
    """
    values = step_values(code.part, steps, bounds).to(others.device)
    varied = others.repeat(len(values), 1, 1)
    if isinstance(code.part, Sphere):
        # The other coordinates keep their direction. Their length must make the whole a unit vector: sqrt(1 - v²).
        varied[..., code.columns] = 0
        rest = functional.normalize(varied[..., code.siblings], dim=-1)
        varied[..., code.siblings] = rest * (1 - values.square()).clamp(min=0).sqrt()[:, None]
    # (steps, 1, columns): the same value for all n latents of a step.
    varied[..., code.columns] = values[:, None]
    return varied


def between(space: LatentSpace, start: Tensor, end: Tensor, share: float) -> Tensor:
    """Interpolate between latents: those (n, Z) at a share in [0, 1] of the way from `start` to `end`, (n, Z) each.

    The way is straight, but follows the great circle on a sphere; a categorical code changes half-way.
    """
    starts, ends = space.split(start), space.split(end)
    return space.join({name: _between(part, starts[name], ends[name], share) for name, part in space.parts.items()})


def _between(part: Part, start: Tensor, end: Tensor, share: float) -> Tensor:
    if isinstance(part, Categorical):
        return start if share < 0.5 else end
    if isinstance(part, Sphere):
        angle = (start * end).sum(dim=1, keepdim=True).clamp(-1, 1).arccos()
        sine = angle.sin()
        # Spherical linear interpolation. Between equal points it would be 0 / 0, and opposite ones have no shortest
        # arc: there the straight way, brought back to the sphere, stands in for it.
        arc = (((1 - share) * angle).sin() * start + (share * angle).sin() * end) / sine
        return torch.where(sine > 1e-6, arc, functional.normalize(start.lerp(end, share), dim=1))
    return start.lerp(end, share)


def on_prior(space: LatentSpace, latents: Tensor) -> Tensor:
    """Project latents (n, Z) to the prior's shape: unit length on a sphere, a single category of a categorical code.

    Values are not clipped to the range of a uniform code: DCGAN's vector arithmetic leaves its range, too.
    """
    parts = space.split(latents)
    for name, part in space.parts.items():
        if isinstance(part, Categorical):
            parts[name] = functional.one_hot(parts[name].argmax(dim=1), part.size).to(latents)
        elif isinstance(part, Sphere):
            parts[name] = functional.normalize(parts[name], dim=1)
    return space.join(parts)


def closed_walk(space: LatentSpace, points: Tensor, steps: int) -> Iterator[Tensor]:
    """Interpolate from each point (n, Z) to the next, and from the last to the first: n times (steps, Z) with ends."""
    shares = torch.linspace(0, 1, steps).tolist()
    for start, end in zip(points, points.roll(-1, dims=0), strict=True):
        yield torch.cat([between(space, start[None], end[None], share) for share in shares])


SAMPLE_BLOCK = 64
"""Samples that are drawn together; another number would give every numbered sample another latent vector."""


def numbered_latents(space: LatentSpace, numbers: Sequence[int], seed: int, device: torch.device) -> Tensor:
    """The latents (n, Z) of numbered samples, counted from 0: a number means the same point whatever others are asked.

    Blocks of 64 are drawn whole, because the numbers that a generator draws depend on how many it is asked for.
    """
    blocks = {
        block: space.draw(SAMPLE_BLOCK, Rng.of("samples", seed, block))
        for block in sorted({number // SAMPLE_BLOCK for number in numbers})
    }
    rows = [blocks[number // SAMPLE_BLOCK][number % SAMPLE_BLOCK] for number in numbers]
    return torch.stack(rows).to(device)
