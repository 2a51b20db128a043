"""InfoGAN's lower bound on the mutual information between codes and images."""

from collections import defaultdict

import torch

from harness import (
    Categorical,
    Field,
    LatentSpace,
    ModelEvaluation,
    NotApplicableError,
    SampleMetric,
    Score,
    Settings,
)
from harness.nn import to_double

SAMPLES = 10_000


class MutualInformationBound(SampleMetric):
    """InfoGAN's L_I(G, Q) = E[log Q(c | x)] + H(c) <= I(c; x), in nats, for c ~ P(c) and x ~ G(z, c).

    Estimated on 10,000 generated images for each part of the latent code that the model infers. At most the
    part's entropy H(c) for categorical parts, where reaching it means that every image shows its category; a
    bound on a continuous part has no such ceiling, and is negative where Q is worse than knowing nothing.

    The score is the bound on one part or, unless it is named, on all categorical parts together. Nats of a
    category and of a continuous code do not measure on one scale, so only a model without categorical parts
    is scored by the sum over the continuous ones.
    """

    class Config(Settings):
        part: str | None = Field(
            None, description="part of the latent code to score; null: all categorical ones, or all if none is"
        )

    source = "Chen et al. 2016, InfoGAN, arXiv:1606.03657, section 5"
    needs = ("generate", "posterior")

    config: Config

    def score(self, evaluation: ModelEvaluation) -> Score:
        """The bound in nats; details hold the bound and the entropy of every inferred part.

        Raises:
            NotApplicableError: the model has no latent prior, infers none of its parts, or not the one asked for.
        """
        if evaluation.model.latents is None:
            raise NotApplicableError("there is no latent prior to draw codes from")
        space = evaluation.model.latents
        bounds = {name: mean + space.parts[name].entropy for name, mean in _log_likelihoods(evaluation, space).items()}
        if not bounds:
            raise NotApplicableError("the model infers no part of its latent code")
        scored = self._scored(space, list(bounds))
        details = {
            "scored_parts": scored,
            "bounds": bounds,
            "entropies": {name: space.parts[name].entropy for name in bounds},
        }
        return Score(sum(bounds[name] for name in scored), details)

    def _scored(self, space: LatentSpace, inferred: list[str]) -> list[str]:
        """The parts whose bounds are summed in the score."""
        if self.config.part is None:
            return [name for name in inferred if isinstance(space.parts[name], Categorical)] or inferred
        if self.config.part not in inferred:
            raise NotApplicableError(f"the model infers no part '{self.config.part}', only {', '.join(inferred)}")
        return [self.config.part]


@torch.no_grad()
def _log_likelihoods(evaluation: ModelEvaluation, space: LatentSpace) -> dict[str, float]:
    """E[log Q(c | x)] in nats for each inferred part."""
    totals: defaultdict[str, float] = defaultdict(float)
    for latents in torch.split(evaluation.latents("mi-bound", SAMPLES), evaluation.batch_size):
        codes = space.split(latents)
        for name, posterior in evaluation.posterior(evaluation.generate(latents)).items():
            totals[name] += to_double(posterior.log_prob(codes[name])).sum().item()
    return {name: total / SAMPLES for name, total in totals.items()}
