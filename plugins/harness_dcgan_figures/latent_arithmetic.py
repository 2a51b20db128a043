"""Vector arithmetic with latents (Radford et al. 2016, section 6.3.2)."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from harness import LatentSpace, Rng
from harness.pictures import TrainedModel, on_prior, pixels, sheet, side_by_side, tiled

NEIGHBOURS = 8


def combine(space: LatentSpace, plus: Sequence[Tensor], minus: Sequence[Tensor]) -> Tensor:
    """The means of some groups of latents less the means of others, (1, Z); each group is (n, Z)."""
    added = torch.stack([group.mean(dim=0) for group in plus]).sum(dim=0)
    for group in minus:
        added = added - group.mean(dim=0)
    return on_prior(space, added[None])


def surroundings(space: LatentSpace, centre: Tensor, spread: float, rng: Rng) -> Tensor:
    """A point (1, Z) in the middle of 8 that lie U(-spread, spread) away from it in every column, (9, Z)."""
    noise = rng.uniform(NEIGHBOURS + 1, centre.shape[1], low=-spread, high=spread).to(centre.device)
    noise[NEIGHBOURS // 2] = 0
    return on_prior(space, centre + noise)


def arithmetic_picture(
    trained: TrainedModel, plus: Sequence[Sequence[int]], minus: Sequence[Sequence[int]], *, seed: int, spread: float
) -> Image.Image:
    """The exemplars, their means, the result with its neighbours, and the same sum of pixels as the failing control.

    Args:
        trained: a model that generates.
        plus: groups of sample numbers whose mean latents are added.
        minus: groups whose mean latents are subtracted.
        seed: of the numbered samples.
        spread: how far the neighbours lie around the result, in every latent.
    """
    space = trained.latents
    groups = [trained.sample_latents(numbers, seed) for numbers in (*plus, *minus)]
    result = combine(space, groups[: len(plus)], groups[len(plus) :])
    around = surroundings(space, result, spread, Rng.of("surroundings", seed))
    signs = ["+"] * len(plus) + ["-"] * len(minus)
    panels, control = [], torch.zeros(())
    for sign, numbers, latents in zip(signs, (*plus, *minus), groups, strict=True):
        images = trained.generate(torch.cat([latents, on_prior(space, latents.mean(dim=0, keepdim=True))]))
        labels = [*(str(number) for number in numbers), "mean"]
        panels.append(sheet(tiled(pixels(images), 1), title=sign, tile_labels=labels))
        mean_pixels = images[:-1].mean(dim=0, keepdim=True).cpu()
        control = control + (mean_pixels if sign == "+" else -mean_pixels)
    panels.append(sheet(tiled(pixels(trained.generate(around)), 3), title="= (with neighbours)"))
    panels.append(sheet(tiled(pixels(control), 1), title="in pixels"))
    return side_by_side(panels, columns=len(panels))
