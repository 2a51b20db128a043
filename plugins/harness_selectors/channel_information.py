"""Channel information: good models carry, in each of their latents, what a latent of other runs carries too."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Normal, OneHotCategorical

from harness import Evaluation, Field, Floats, Indices, ModelEvaluation, NotApplicableError
from harness.nn import to_double
from harness_selectors.runs import RunsCompared

ROWS = 50
"""Observations whose distances to all others are held at a time."""


class ChannelInformation(RunsCompared):
    """Channel information (Murphy et al., 2024), in [0, 1]: do the latents of two runs carry the same information?

    A latent is a channel that says something of an image by its posterior: it tells two images apart as far as their
    posteriors do not overlap. Two channels are compared by normalised mutual information of the soft clusterings of
    the images that they make, whatever their scale, sign or shape. The comparison [i, j] is the mean, over the
    channels of j that carry information, of the best likeness to a channel of i; a model's score is its median over
    the others.

    The likeness of channels is the paper's; to make of it one number for a model is ours, as the paper looks at
    the channels of a whole pool together. A model without an informative channel agrees with nothing.
    """

    class Config(RunsCompared.Config):
        points: int = Field(1_000, gt=1, description="images whose posteriors are compared (the paper's number)")
        least_bits: float = Field(0.01, ge=0, description="channels that carry no more information are left out")

    source = (
        "Murphy et al. 2024, Comparing the information content of probabilistic representation spaces, "
        "arXiv:2405.21042, sections 3.2 and 4.1"
    )
    needs = ("encode", "posterior")

    config: Config

    def compare(self, pool: Sequence[Evaluation]) -> Floats:
        """(M, M) likenesses in [0, 1] of the channels of j to those of i; NaN between partners that are not compared.

        Raises:
            NotApplicableError: no two models share their hyperparameters, and only such are to be compared; or a
                posterior is of a kind whose overlap is not known here.
        """
        groups = self.groups(pool)
        index = pool[0].sample("channels", self.config.points)
        likenesses = np.full((len(pool), len(pool)), np.nan)
        np.fill_diagonal(likenesses, 0)
        for group in groups:
            channels = [list(_channels(pool[position], index)) for position in group]
            owner = np.repeat(np.arange(len(group)), [len(own) for own in channels])
            found = shared_information([channel for own in channels for channel in own], len(index))
            likenesses[np.ix_(group, group)] = self._agreements(found, owner, len(group))
        return likenesses

    def _agreements(self, found: "SharedInformation", owner: Indices, models: int) -> Floats:
        """(M, M) mean best likeness of the informative channels; `owner` is the model of each channel."""
        agreements = np.zeros((models, models))
        kept = [np.flatnonzero((owner == model) & (found.bits > self.config.least_bits)) for model in range(models)]
        for i, others in enumerate(kept):
            for j, own in enumerate(kept):
                if i != j and len(others) and len(own):
                    agreements[i, j] = found.likeness[np.ix_(others, own)].max(axis=0).mean()
        return agreements


Channel: TypeAlias = Callable[[slice], Tensor]
"""How far the posteriors of some of N images overlap with those of all, in one channel: (rows, N), from 0 to 1."""


@dataclass(frozen=True)
class SharedInformation:
    """What C channels say of the same images.

    Attributes:
        bits: information that each channel carries about which image it is, (C,).
        likeness: normalised mutual information of two channels, (C, C), 1 where they say the same.
    """

    bits: Floats
    likeness: Floats


def shared_information(channels: Sequence[Channel], points: int) -> SharedInformation:
    """Estimate what channels carry and share, from the overlaps of posteriors (Murphy et al., 2024, section 3.2).

    The information of a channel is at least -E log E' exp(-d(x, x')), with the Bhattacharyya distance d of two
    posteriors (Kolchinsky & Tracey, 2017), so with their overlap in the place of exp(-d); that of two channels, or of
    one heard twice, has the product of both overlaps. Entropies of the soft clusterings are replaced by what a channel
    says of a copy of itself, 2 I(X; U) - I(X; U, U').
    """
    alone, together = np.zeros(len(channels)), np.zeros((len(channels), len(channels)))
    for start in range(0, points, ROWS):
        overlaps = np.stack([to_double(channel(slice(start, start + ROWS))).cpu().numpy() for channel in channels], 1)
        alone -= np.log2(overlaps.mean(axis=2)).sum(axis=0) / points
        # (rows, C, C): the mean over all images of the product of two channels' overlaps
        together -= np.log2(overlaps @ overlaps.transpose(0, 2, 1) / points).sum(axis=0) / points
    own = np.maximum(2 * alone - together.diagonal(), 0)
    scale = np.sqrt(np.outer(own, own))
    mutual = alone[:, None] + alone - together
    return SharedInformation(alone, np.clip(np.divide(mutual, scale, out=np.zeros_like(scale), where=scale > 0), 0, 1))


@torch.no_grad()
def _channels(evaluation: Evaluation, index: Indices) -> Iterator[Channel]:
    """One channel for each latent that the model infers: of a normal vector each coordinate, of a category the whole.

    Raises:
        NotApplicableError: a posterior is neither.
    """
    assert isinstance(evaluation, ModelEvaluation)
    parts = np.array_split(index, -(-len(index) // evaluation.batch_size))
    posteriors = [evaluation.posterior(evaluation.images(part)) for part in parts]
    for name in posteriors[0]:
        yield from _channels_of(name, [posterior[name] for posterior in posteriors])


def _channels_of(name: str, batches: Sequence[Distribution]) -> Iterator[Channel]:
    for batch in batches:
        if not isinstance(batch, OneHotCategorical) and not isinstance(getattr(batch, "base_dist", batch), Normal):
            raise NotApplicableError(f"how far posteriors of {type(batch).__name__} overlap ('{name}') is not known")
    if isinstance(batches[0], OneHotCategorical):
        probabilities = torch.cat([batch.probs for batch in batches if isinstance(batch, OneHotCategorical)])
        yield partial(_overlap_of_categories, to_double(probabilities).sqrt())
        return
    means = to_double(torch.cat([batch.mean for batch in batches]))
    deviations = to_double(torch.cat([batch.stddev for batch in batches]))
    for mean, deviation in zip(means.unbind(1), deviations.unbind(1), strict=True):
        yield partial(_overlap_of_normals, mean, deviation)


def _overlap_of_normals(mean: Tensor, deviation: Tensor, rows: slice) -> Tensor:
    """Bhattacharyya coefficients of normal distributions (N,) with some of them, (rows, N)."""
    variances = deviation[rows, None].square() + deviation.square()
    scale = (2 * deviation[rows, None] * deviation / variances).sqrt()
    return scale * (-0.25 * (mean[rows, None] - mean).square() / variances).exp()


def _overlap_of_categories(roots: Tensor, rows: slice) -> Tensor:
    """Bhattacharyya coefficients of categorical distributions, given roots of probabilities (N, K): (rows, N)."""
    return roots[rows] @ roots.T
