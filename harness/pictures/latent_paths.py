"""Walks through a latent space: one code from low to high, and the way from one point to another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from harness.latents import Categorical, LatentSpace, Normal, Part, Sphere, Uniform
from harness.rng import Rng

NORMAL_REACH = 2.0
"""A standard normal code walks from -2 to 2, where 95 % of its values lie."""

QUANTILE_DRAWS = 1000


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


def step_values(part: Part, steps: int) -> Tensor:
    """The values that one code of a part takes from low to high, (steps, columns of the code).

    Uniform codes go from end to end, normal ones from -2 to 2, a coordinate of a sphere over two
    standard deviations to each side, and a categorical code takes each of its categories, whatever the
    number of steps. A part of another kind goes over the middle 95 % of what it draws.
    """
    if isinstance(part, Categorical):
        return torch.eye(part.size)
    if isinstance(part, Uniform):
        low, high = part.low, part.high
    elif isinstance(part, Normal):
        low, high = -NORMAL_REACH, NORMAL_REACH
    elif isinstance(part, Sphere):
        high = min(1.0, 2 / part.size**0.5)
        low = -high
    else:
        drawn = part.draw(QUANTILE_DRAWS, Rng.of("step values"))
        low, high = drawn.quantile(torch.tensor([0.025, 0.975])).tolist()
    return torch.linspace(low, high, steps)[:, None]


def step_labels(part: Part, steps: int) -> list[str]:
    """The values of `step_values` in words."""
    if isinstance(part, Categorical):
        return [str(category) for category in range(part.size)]
    return [f"{value:.2f}" for value in step_values(part, steps).flatten().tolist()]


def traversal(code: Code, others: Tensor, steps: int) -> Tensor:
    """One code from low to high, beside other latents that stay: (steps, n, Z) of others (n, Z).

    On a sphere the other coordinates shrink or grow so that the point stays on it.
    """
    values = step_values(code.part, steps).to(others.device)
    walked = others.repeat(len(values), 1, 1)
    if isinstance(code.part, Sphere):
        walked[..., code.columns] = 0
        rest = functional.normalize(walked[..., code.siblings], dim=-1)
        walked[..., code.siblings] = rest * (1 - values.square()).clamp(min=0).sqrt()[:, None]
    walked[..., code.columns] = values[:, None]
    return walked


def between(space: LatentSpace, start: Tensor, end: Tensor, share: float) -> Tensor:
    """The latents (n, Z) at a share in [0, 1] of the way from start to end, each (n, Z).

    Straight, but along the great circle on a sphere; a categorical code changes half-way.
    """
    starts, ends = space.split(start), space.split(end)
    return space.join({name: _between(part, starts[name], ends[name], share) for name, part in space.parts.items()})


def _between(part: Part, start: Tensor, end: Tensor, share: float) -> Tensor:
    if isinstance(part, Categorical):
        return start if share < 0.5 else end
    if isinstance(part, Sphere):
        angle = (start * end).sum(dim=1, keepdim=True).clamp(-1, 1).arccos()
        sine = angle.sin()
        arc = (((1 - share) * angle).sin() * start + (share * angle).sin() * end) / sine
        return torch.where(sine > 1e-6, arc, functional.normalize(start.lerp(end, share), dim=1))
    return start.lerp(end, share)


def on_prior(space: LatentSpace, latents: Tensor) -> Tensor:
    """The nearest latents (n, Z) that the prior's shape allows: unit length on a sphere, one category.

    Ranges are left alone: DCGAN's vector arithmetic leaves the cube that it was trained on.
    """
    parts = space.split(latents)
    for name, part in space.parts.items():
        if isinstance(part, Categorical):
            parts[name] = functional.one_hot(parts[name].argmax(dim=1), part.size).to(latents)
        elif isinstance(part, Sphere):
            parts[name] = functional.normalize(parts[name], dim=1)
    return space.join(parts)


def closed_walk(space: LatentSpace, points: Tensor, steps: int) -> Iterator[Tensor]:
    """The way from each point (n, Z) to the next and from the last to the first: n times (steps, Z), ends included."""
    shares = torch.linspace(0, 1, steps).tolist()
    for start, end in zip(points, points.roll(-1, dims=0), strict=True):
        yield torch.cat([between(space, start[None], end[None], share) for share in shares])


SAMPLE_BLOCK = 64


def numbered_latents(space: LatentSpace, numbers: Sequence[int], seed: int, device: torch.device) -> Tensor:
    """The latents (n, Z) of samples by their numbers, 0 and up: a number means the same point for every n.

    They are drawn in blocks of 64, because what a generator draws depends on how much it is asked for.
    """
    blocks = {
        block: space.draw(SAMPLE_BLOCK, Rng.of("samples", seed, block))
        for block in sorted({number // SAMPLE_BLOCK for number in numbers})
    }
    rows = [blocks[number // SAMPLE_BLOCK][number % SAMPLE_BLOCK] for number in numbers]
    return torch.stack(rows).to(device)
